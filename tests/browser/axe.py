"""What axe finds on a page: breaches of WCAG 2.2, levels A and AA, that a program can see."""

from pathlib import Path

from playwright.sync_api import expect

from tests.support.chance import BY_NIGHT

AXE = (Path(__file__).parent / "vendor/axe-core@4.14.1/axe.min.js").read_text("utf-8")
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: What other colours of a page may breach that was looked at in one; the rest is its text.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
#: Widths and colours: by day both of each, by night each with each.
LOOKS = ((390, "light"), (1440, "dark"), *(((390, "dark"), (1440, "light")) if BY_NIGHT else ()))
#: Menu and head, which are the same on all pages.
FRAME = [[".side"], [".top"]]
FIND = """async ([only, exclude]) => {
  // Waited for, they would never end in a window of which no frame is drawn.
  for (const one of document.getAnimations()) if (one instanceof CSSTransition) one.finish();
  const given = { runOnly: only, resultTypes: ['violations'] };
  const found = await axe.run(exclude.length ? { exclude } : document, given);
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}"""


def in_every_look(page, address=""):
    """Show the page in each of `LOOKS` in turn; yields its width, its colours and a finder.

    By day that finds all breaches in the first look, in others those of colours.  A page that
    minds colours only when it is opened needs its address.
    """
    for place, (width, scheme) in enumerate(LOOKS):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        if address:
            page.goto(address)
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
        yield width, scheme, breaches if BY_NIGHT or not place else _breaches_of_colours


def breaches(page, only=LEVELS, *, framed=True):
    """Every breach, as the name of its rule and the element; `only` names levels or rules.

    Where another page's menu and head were looked at, ask for what is not `framed`.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    return page.evaluate(FIND, [only, [] if framed or BY_NIGHT else FRAME])


def _breaches_of_colours(page, *, framed=True):
    """What can be wrong with the colours of a page that `breaches` saw in others."""
    return breaches(page, OF_COLOURS, framed=framed)
