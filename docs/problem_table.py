"""Writes the kinds of refusals into docs/api.md: `python docs/problem_table.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.web.problems import KINDS

PAGE = Path(__file__).parent / "api.md"
BEGINS, ENDS = "<!-- refusals -->", "<!-- /refusals -->"


def page() -> str:
    """The page with its table as it should be."""
    rows = [f"| {one.status} | `{one.code}` | {one.meaning} | {one.remedy} |" for one in KINDS]
    table = "\n".join(["| | `code` | what it means | what to do |", "|---|---|---|---|", *rows])
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGINS)
    return f"{before}{BEGINS}\n\n{table}\n\n{ENDS}{rest.partition(ENDS)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
