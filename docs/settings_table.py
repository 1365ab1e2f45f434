"""Writes README's table of settings from `app/config.py`: `python docs/settings_table.py`."""

import re
import sys
from dataclasses import fields
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.config import PREFIX, Settings  # noqa: E402
from app.web.about import as_typed  # noqa: E402

PAGE = ROOT / "README.md"
HEAD = "| variable | default | meaning |\n|---|---|---|\n"


def table() -> str:
    """A row for each setting, in their order."""
    rows = [
        (f"`{PREFIX}{item.name.upper()}`", as_typed(item.default) or "–", item.metadata["meaning"])
        for item in fields(Settings)
    ]
    return "".join(f"| {' | '.join(row)} |\n".replace("<", "&lt;") for row in rows)


def page() -> str:
    """README with its table as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    return re.sub(f"({re.escape(HEAD)})(?:\\|.*\n)*", lambda found: found[1] + table(), text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
