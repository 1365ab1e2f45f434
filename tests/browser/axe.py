"""What axe finds on a page: breaches of WCAG 2.2, levels A and AA, that a program can see."""

from pathlib import Path

AXE = (Path(__file__).parent / "vendor/axe-core@4.14.1/axe.min.js").read_text("utf-8")
FIND = """async () => {
  const levels = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const fading = document.getAnimations().filter((one) => one instanceof CSSTransition);
  await Promise.allSettled(fading.map((one) => one.finished));
  const found = await axe.run({ runOnly: levels, resultTypes: ['violations'] });
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}"""


def breaches(page):
    """Every breach, as the name of its rule and the element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    return page.evaluate(FIND)
