"""A table in a file as spreadsheets and other systems write it: bytes in, numbered rows out.

Pure: it knows encodings, separators and what spreadsheets do to cells, but no
table of ours.  What was understood in a way that might be wrong is a note.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from app.domain.access.imports.headings import Match, Vocabulary
from app.domain.ground.errors import Invalid

#: A larger file is refused; it is read and looked through whole.
MOST_BYTES = 3_000_000
MOST_COLUMNS = 200
#: Lines of one file, empty ones too.
_MOST_LINES = 500_000
#: Records among which the heading is looked for.
_TOP = 20
_SEPARATORS = {";": "semicolons", "\t": "tabs", ",": "commas", "|": "upright strokes"}
_BINARY = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a packed file"),
)
_MARKUP = {"<": "a web page", "{": "a JSON document", "[": "a JSON document"}
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
#: No-break blanks become blanks; marks that nobody sees go.
_UNSEEN = dict.fromkeys((0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF), "") | dict.fromkeys(
    (0x00A0, 0x2007, 0x202F), " "
)
#: What files put an apostrophe before: formulas, and digits that are to stay text.
_GUARDED = re.compile(r"'+[=+\-@\t\r0-9]")
_NEEDS_GUARD = re.compile(r"'*[=+\-@\t\r]|'+[0-9]")
#: How Excel is kept from turning digits into a number: ="04112233".
_EXCEL_TEXT = re.compile(r'="(.*)"', re.DOTALL)
#: What a spreadsheet writes where it has no value, in English and German, or too little room.
_BROKEN = re.compile(
    r"#(?:REF!|BEZUG!|NAME\?|VALUE!|WERT!|N/A|NV|NUM!|ZAHL!|NULL!|DIV/0!|SPILL!|ÜBERLAUF!|CALC!)"
    r"|#{4,}",
    re.IGNORECASE,
)

#: What the last row of a table is called that is its sum.
_SUM = re.compile(
    r"(?:(?:end|gesamt|zwischen)?summe|(?:ins)?gesamt|(?:sub|grand )?total|totals|sum)"
    r"(?:: ?(?:[\d.,]+(?: \w+)?)?)?",
    re.IGNORECASE,
)
_NUMBERS = re.compile(r"[\d\s.,€$%-]*")


@dataclass(frozen=True, slots=True)
class Row:
    """A row under the heading: where it begins in the file, and its cells by our field names.

    A field that a row is too short for is absent; `fault` says why a row cannot be used.
    """

    line: int
    cells: dict[str, str]
    fault: str = ""
    short: bool = False


@dataclass(slots=True)
class Table:
    """What a file holds; `unknown` are headings that mean nothing to us, as they are written."""

    text: str
    match: Match
    rows: list[Row] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def guarded(text: str) -> str:
    """A text as a file shows it, so that no spreadsheet takes it for a formula."""
    return "'" + text if _NEEDS_GUARD.match(text) else text


def plain(cell: str) -> str:
    """A cell without what keeps spreadsheets from changing it; undoes `guarded`."""
    text = cell.translate(_UNSEEN).strip()
    if _GUARDED.match(text):
        return text[1:]
    excel = _EXCEL_TEXT.fullmatch(text)
    return excel[1].replace('""', '"').strip() if excel else text


def read(data: bytes | str, known: Vocabulary) -> Table:
    """Read a file by the headings that `known` has.

    Raises `Invalid` when it is no table, too large, or has no heading that can be used.
    """
    notes: list[str] = []
    text = data if isinstance(data, str) else _decoded(data, notes)
    if len(text) > MOST_BYTES:
        raise Invalid(f"The file has more than {MOST_BYTES // 1_000_000} MB.", field="file")
    text = text.removeprefix("\ufeff")
    if kind := _MARKUP.get(text.lstrip()[:1]):
        raise Invalid(f"This is not a CSV file but {kind}; save it as CSV first.", field="file")
    separator, start = _told_separator(text)
    choices = [separator] if separator else list(_SEPARATORS)
    found = [(*_heading(text, one, start, known), one) for one in choices]
    score, at, separator = max(found, key=lambda one: one[0])
    records = _records(text, separator, start)
    above = [record for record in islice(records, at) if any(record[1])]
    heading = next(records, None)
    if heading is None or not score[1]:
        raise Invalid("The file holds no rows under its heading.", field="file")
    names = [" ".join(name.split()) for name in heading[1]]
    if len(names) > MOST_COLUMNS:
        raise Invalid(f"The file has more than {MOST_COLUMNS} columns.", field="file")
    match = known.match(names)
    if match.missing:
        raise Invalid(f"The heading has no column named {match.missing}; it has: "
                      f"{_listed([name for name in names if name])}.", field="file")  # fmt: skip
    for first, second in match.twice:
        raise Invalid(f"“{names[first]}” and “{names[second]}” mean the same; leave one of these "
                      "columns out.", field="file")  # fmt: skip
    if above:
        notes.append(_skipped(above))
    if separator != "," or len(names) > 1:
        notes.append(f"Cells are parted by {_SEPARATORS.get(separator, repr(separator))}.")
    return _table(Table(text, match, notes=notes), names, records)


def _decoded(data: bytes, notes: list[str]) -> str:
    """The text of a file: UTF-8, UTF-16, or what Excel writes on Windows."""
    if len(data) > 2 * MOST_BYTES:
        raise Invalid(f"The file has more than {MOST_BYTES // 1_000_000} MB.", field="file")
    for mark, kind in _BINARY:
        if data.startswith(mark):
            raise Invalid(
                f"This is not a CSV file but {kind}; save the sheet as CSV first.", field="file"
            )
    for mark, coding in _MARKS:
        if data.startswith(mark):
            return _as(data[len(mark) :], coding)
    even, odd = data[:2000:2].count(0), data[1:2000:2].count(0)
    if 8 * (even + odd) > len(data[:2000]):
        return _as(data, "utf-16-le" if odd > even else "utf-16-be")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse_damaged(data, error)
        text = _as(data, "cp1252")
        notes.append("The file is not UTF-8; it was read as Windows-1252: check its accents.")
        return text
    return _as(data, "utf-8") if "\x00" in text else text


def _refuse_damaged(data: bytes, error: UnicodeDecodeError) -> None:
    """Raise `Invalid` where most of a text's accents are UTF-8: read as another, all are wrong."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(char > "\x7f" for char in text) - bad
    if good > bad or (good and error.end == len(data)):
        line = data.count(b"\n", 0, error.start) + 1
        raise Invalid(
            f"Line {line}: the file is UTF-8 but damaged or cut off there; save it again.",
            field="file",
        )


def _as(data: bytes, coding: str) -> str:
    try:
        text = data.decode(coding)
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" in text:
        raise Invalid(
            "This is not a CSV file that can be read; save the sheet as “CSV UTF-8”.", field="file"
        )
    return text


def _told_separator(text: str) -> tuple[str, int]:
    """The separator that a first line like `sep=;` tells, and the lines that it takes."""
    first = text[:20].splitlines()[0] if text.strip() else ""
    told = re.fullmatch(r'"?sep=(.)"?\s*', first, re.IGNORECASE)
    return (told[1], 1) if told else ("", 0)


def _heading(
    text: str, separator: str, start: int, known: Vocabulary
) -> tuple[tuple[bool, int, int], int]:
    """How well the best heading under a separator is understood, and how many records precede it.

    First comes whether it has all that is needed, then how many of its names are known, then
    how many cells the separator finds in a row.
    """
    best, place, widest = (False, 0), 0, 0
    try:
        for number, (_, cells) in enumerate(islice(_records(text, separator, start), _TOP)):
            match = known.match(cells[:MOST_COLUMNS])
            score = (not match.missing, match.count or (1 if any(cells) else 0))
            widest = max(widest, len(cells))
            if score > best:
                best, place = score, number
    except Invalid:
        widest = 0
    return (*best, widest), place


def _records(text: str, separator: str, start: int) -> Iterator[tuple[int, list[str]]]:
    """Every record with the line at which it begins; raises `Invalid` for a broken quotation."""
    stream = io.StringIO(text, newline="")
    for _ in range(start):
        stream.readline()
    reader = csv.reader(stream, delimiter=separator, skipinitialspace=True, strict=True)
    line = start + 1
    try:
        for cells in reader:
            yield line, [plain(cell) for cell in cells[: MOST_COLUMNS + 1]]
            line = start + reader.line_num + 1
    except csv.Error:
        raise Invalid(
            f"Line {line}: a quotation mark is not closed or stands within a cell, or one is too "
            "long.",
            field="file",
        ) from None


def _table(table: Table, names: list[str], records: Iterator[tuple[int, list[str]]]) -> Table:
    match = table.match
    nameless: set[int] = set()
    words: list[str] = []
    for line, cells in records:
        if line > _MOST_LINES:
            raise Invalid(f"A file may hold {_MOST_LINES} lines; this one has more.", field="file")
        if not any(cells):
            continue
        over = [place for place in range(len(names), len(cells)) if cells[place]]
        fault = ""
        if over:
            word = "heading" if len(names) == 1 else "headings"
            fault = f"The row has {over[-1] + 1} cells under {len(names)} {word}."
        for place in match.fields:
            if place < len(cells) and _BROKEN.fullmatch(cells[place]):
                fault = (f"“{cells[place][:60]}” under {names[place]} is no value but an error; "
                         "mend the sheet and save it again.")  # fmt: skip
        words = [cell for cell in cells if not _NUMBERS.fullmatch(cell)]
        nameless |= {place for place, name in enumerate(names) if not name and place < len(cells)
                     and cells[place]}  # fmt: skip
        held = {name: cells[place] for place, name in match.fields.items() if place < len(cells)}
        table.rows.append(Row(line, held, fault, len(cells) < len(names)))
    if table.rows and len(words) == 1 and _SUM.fullmatch(words[0]):
        fault = f"“{words[0]}” is a sum of the table and no row of it: leave it out."
        table.rows[-1] = replace(table.rows[-1], fault=fault)
    table.unknown = [names[place] for place in match.unknown if names[place]]
    table.unknown += [f"column {place + 1}, which has no heading" for place in sorted(nameless)]
    if match.idle:
        left = _listed([names[place] for place in match.idle])
        table.notes.append(f"An import leaves these alone: {left}.")
    if not table.rows:
        raise Invalid("The file holds no rows under its heading.", field="file")
    return table


def _skipped(above: Sequence[tuple[int, list[str]]]) -> str:
    text = " ".join(cell for _, cells in above for cell in cells if cell)
    count = "1 line" if len(above) == 1 else f"{len(above)} lines"
    return (
        f"{count} above the heading {'was' if len(above) == 1 else 'were'} skipped: “{text[:80]}”."
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"“{name[:40]}”" for name in names[:20])
    return shown + (f" and {len(names) - 20} more" if len(names) > 20 else "")
