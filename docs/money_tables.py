"""Write the tables of docs/money.md: `python docs/money_tables.py` (or `make docs`).

The doubts are read off the code; a test compares the committed table.  The
faults are put into sessions anew, which takes a minute or two.
"""

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from app.domain.ground.vocabulary.doubts import DOUBTS, About, Doubt  # noqa: E402
from bench.energy_faults import study, table  # noqa: E402

FILE = FOLDER / "money.md"
#: The headings of the doubts, by what they are about.
HEADINGS = {
    About.METER: "About the meter",
    About.SESSION: "About the session",
    About.BILL: "About the bill",
}


def doubts() -> str:
    """All doubts, a table for each kind, in the order of the code."""
    parts = []
    for about, heading in HEADINGS.items():
        parts.append(f"### {heading}\n")
        parts.append("| name | when | what the reviewer reads | effect |")
        parts.append("|---|---|---|---|")
        parts += [_row(doubt) for doubt in DOUBTS.values() if doubt.about is about]
        parts.append("")
    return "\n".join(parts).rstrip()


def _row(doubt: Doubt) -> str:
    holds = "**holds**" if doubt.holds else "told"
    return f"| {doubt.label} | {doubt.when} | {doubt.sentence} | {holds} |"


def between(page: str, name: str) -> str:
    """What stands between the markers of `name`."""
    found = _marked(name).search(page)
    assert found is not None, f"docs/money.md has no markers of {name}"
    return found[2]


def put(page: str, name: str, text: str) -> str:
    """The page with `text` between the markers of `name`."""
    between(page, name)
    return _marked(name).sub(lambda found: found[1] + text + found[3], page)


def _marked(name: str) -> "re.Pattern[str]":
    return re.compile(rf"(<!-- {name}: [^\n]*-->\n\n)(.*?)(\n\n<!-- /{name} -->)", re.DOTALL)


if __name__ == "__main__":
    page = FILE.read_text(encoding="utf-8")
    page = put(page, "doubts", doubts())
    FILE.write_text(put(page, "faults", table(study())), encoding="utf-8")
