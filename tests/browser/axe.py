"""What axe finds on a page: breaches of WCAG 2.2, levels A and AA, that a program can see."""

from pathlib import Path

import pytest

from tests.support.chance import BY_NIGHT

AXE = (Path(__file__).parent / "vendor/axe-core@4.14.1/axe.min.js").read_text("utf-8")
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: What other colours of a page may breach that was looked at in one; the rest is its text.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
#: Widths and colours for `pytest.mark.parametrize`: by day both of each, by night each with each.
LOOKS = (
    (390, "light"),
    (1440, "dark"),
    pytest.param(390, "dark", marks=pytest.mark.nightly),
    pytest.param(1440, "light", marks=pytest.mark.nightly),
)
FIND = """async (only) => {
  const fading = document.getAnimations().filter((one) => one instanceof CSSTransition);
  await Promise.allSettled(fading.map((one) => one.finished));
  const found = await axe.run({ runOnly: only, resultTypes: ['violations'] });
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}"""


def breaches(page, only=LEVELS):
    """Every breach, as the name of its rule and the element; `only` names levels or rules."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    return page.evaluate(FIND, only)


def breaches_of_colours(page):
    """What can be wrong with the colours of a page that `breaches` saw in others; by night all."""
    return breaches(page, LEVELS if BY_NIGHT else OF_COLOURS)
