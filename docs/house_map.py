"""Write docs/house.md: `python docs/house_map.py` (or `make docs`).

Rooms and arrows are read off `tests/house/test_rooms.py` and the folders, what a file holds off its
first line; the answers to "where is …" are written here, and each place that they name must exist.
"""

import ast
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
sys.path.insert(0, str(ROOT))

from tests.house.test_rooms import ARROWS, FLOORS  # noqa: E402

FILE = FOLDER / "house.md"

HEAD = """# The house

Written by `make docs` from the code; a test fails when it is out of date.

Two processes share one business. `app/` is the business and its desk; `worker/` holds the chargers'
sockets and may use `app/`, never the other way round. What the business means stands in
`app/domain/`, in ten rooms, and every floor that shows or asks something (`queries`, `views`,
`api`, `cli`, `forms`) is divided into the same rooms: whoever knows the noun knows the folder, or
the file, where a floor has little to say of a room.

## Rooms and arrows

An arrow says that files of one room use files of another. `ground` and what it holds is used by
all, so its arrows are left out of the drawing. `tests/house/test_rooms.py` holds the table.
"""

#: (question, answer); places in backticks that contain a slash must exist.
WHERE: tuple[tuple[str, str], ...] = (
    (
        "the idle fee",
        "when a car stands idle: `app/domain/money/billing/idle.py`; what it costs: "
        "`app/domain/money/tariffs/pricing.py`",
    ),
    (
        "the chip of a status",
        "drawn and named by `templates/macros/state.html`",
    ),
    (
        "a command's time-out",
        "`call_timeout_s` in `app/config.py`, or the station's own: `patience_s` in "
        "`app/domain/commands/commands.py`, where a command that nobody settles ends, too",
    ),
    ("who may see a site", "`app/web/scope.py`: one listener narrows every select"),
    (
        "the receipt's text",
        "`templates/email/receipt/`, with the sentences of `app/text/bill_text.py`",
    ),
    (
        "a new message of 2.1",
        "its handler and its `Route` in one chapter of `worker/dialects/v21/`, as "
        "`worker/dialects/v21/der.py`; what it means is an operation in a room of `app/domain/`",
    ),
    (
        "a new order",
        "one `Spec` in `app/domain/commands/orders/`, and an encoding in the chapter of "
        "each version that can say it, as `worker/dialects/v16/profiles.py`",
    ),
    ("a tag's limit", "`app/domain/access/authorisation.py`, for every version and occasion"),
    (
        "the check of a charger's password",
        "`worker/proof.py` asks, `app/domain/network/credentials.py` answers",
    ),
    (
        "a new field of a site",
        "its column in `app/models/sites.py`, its member in `app/schemas/network.py` with label "
        "and hint; API, CLI, form, lists and files are made from the member (a rule of its own: "
        "`app/domain/network/sites.py`, a place of its own: `templates/network/sites/form.html`)",
    ),
)


TAKEN = """Places to be written by hand, beside tests, the changelog and the German line of a text;
what `make docs` and `make texts` write is not counted."""

#: (change, places); places are looked for as above.
TAKES: tuple[tuple[str, str], ...] = (
    (
        "a field of a site",
        "its column (`app/models/sites.py`, `migrations/versions/`), its member "
        "(`app/schemas/network.py`), its word (`app/schemas/glossary/`)",
    ),
    (
        "an order",
        "its name (`app/domain/ground/vocabulary/orders.py`), its `Spec` "
        "(`app/domain/commands/orders/`), its encoding in each version (`worker/dialects/`)",
    ),
    ("a command's time-out", "`patience_s` (`app/domain/commands/commands.py`)"),
    (
        "a sentence of the receipt",
        "`app/text/bill_text.py`; its place: `templates/email/receipt/body.html` and "
        "`templates/email/receipt/body.txt`, `app/text/receipt_pdf.py`",
    ),
    (
        "a filter of a list",
        "a member and a condition of the list's `Filter` (as in "
        "`app/queries/access/reservations.py`), its choice on the page (as in "
        "`templates/access/reservations/index.html`); in the API a member of the list's schema (as "
        "in `app/schemas/access.py`)",
    ),
    ("a setting", "its line in `app/config.py`, and where it is read"),
    (
        "a doubt that holds a bill",
        "its `Doubt` (`app/domain/ground/vocabulary/doubts.py`), and where it arises (as in "
        "`app/domain/charging/energy/facts.py`)",
    ),
    (
        "a state of a command",
        "its member and its moves (`app/domain/ground/vocabulary/orders.py`), its chip "
        "(`templates/macros/state.html`), its exit status (`app/cli/commands/_asking.py`), its "
        "place in the reference (`app/api/commands/orders.py`)",
    ),
)


def first_line(path: Path) -> str:
    """What a file says of itself in its first line."""
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return said.split("\n")[0].rstrip(".")


def drawing() -> str:
    """The arrows between rooms, for Mermaid."""
    lines = ["```mermaid", "flowchart TD"]
    for room, others in ARROWS.items():
        lines += [f"    {room} --> {other}" for other in others.split() if other != "ground"]
    return "\n".join([*lines, "```"])


def rooms() -> str:
    """Each room: what it is for, its nouns, and on which floors it is."""
    lines = ["| room | holds | nouns | floors |", "|---|---|---|---|"]
    for room in ARROWS:
        folder = ROOT / "app/domain" / room
        nouns = [
            f"`{path.stem}`"
            for path in sorted(folder.iterdir())
            if path.stem != "__init__" and (path.suffix == ".py" or any(path.glob("*.py")))
        ]
        floors = [floor for floor in FLOORS if any((ROOT / "app" / floor).glob(f"{room}*"))]
        about = first_line(folder / "__init__.py")
        lines.append(f"| **{room}** | {about} | {', '.join(nouns)} | {', '.join(floors)} |")
    return "\n".join(lines)


def answers(head: str, rows: tuple[tuple[str, str], ...]) -> str:
    """A table of places; raises `SystemExit` when one is not there."""
    lines = [head, "|---|---|"]
    for question, answer in rows:
        for place in re.findall(r"`([a-z_0-9./]+/[a-z_0-9./]*)`", answer):
            if not (ROOT / place).exists():
                raise SystemExit(f"{question}: there is no {place}")
        lines.append(f"| {question} | {answer} |")
    return "\n".join(lines)


def text() -> str:
    """The whole document."""
    parts = (
        *(HEAD.rstrip(), drawing(), "## What each room holds", rooms()),
        *("## Where is …", answers("| where is … | answer |", WHERE)),
        *("## What a change takes", TAKEN, answers("| new … | places |", TAKES), ""),
    )
    return "\n\n".join(parts)


if __name__ == "__main__":
    FILE.write_text(text().rstrip() + "\n", encoding="utf-8")
