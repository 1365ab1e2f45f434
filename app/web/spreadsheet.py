"""Files that a spreadsheet opens, written row by row: CSV, and XLSX of the same cells.

Both are safe to open and plain to read: no cell can become a formula, times are local.  A text that
a spreadsheet would take for a formula is given a leading apostrophe, which an import takes off
again; numbers stay numbers.

An XLSX file is a ZIP archive of XML.  It is packed as its rows come (docs/adr/files-in-pieces.md):
however long the list is, no more of it is held than a piece.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from itertools import chain
from operator import itemgetter
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from app.domain.access.imports.sheet import guarded

#: (header, how to read it off a row).
Columns = Sequence[tuple[str, Callable[[Any], Any]]]

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

#: So much is written before it is passed on.
_PART = 64 * 1024
#: Excel's bounds: rows of a sheet, characters of a cell; and what a sheet may hold without the
#: 64-bit form of ZIP, which Excel does not read from a stream.
_MOST_ROWS, _MOST_TEXT, _MOST_BYTES = 1_048_575, 32_767, 1_500_000_000
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: The first day that Excel counts from.
_EPOCH = datetime(1899, 12, 30)


def cell(value: Any, zone: tzinfo = UTC, mark: str = ".") -> Any:
    """Return what is written for a value: numbers as they are, text defused, None empty.

    A time is written on the clock of `zone`, with its offset, and a `mark` before decimals.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if mark == "." else str(value).replace(".", mark)
    if isinstance(value, Decimal):
        return format(value, "f").replace(".", mark)
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat() if value.tzinfo else value.isoformat()
    return guarded(value.isoformat() if hasattr(value, "isoformat") else str(value))


def of_tuples(kind: Any) -> Columns:
    """The columns of rows that are named tuples of a kind."""
    return [(name, itemgetter(at)) for at, name in enumerate(kind._fields)]


def lines(
    header: Sequence[str], rows: Iterable[Sequence[Any]], zone: tzinfo = UTC, mark: str = "."
) -> Iterator[str]:
    """Yield the lines of a CSV file, some at a time, the header first.

    Where a comma is the `mark` before decimals, spreadsheets part cells by semicolons.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";" if mark == "," else ",")
    for row in chain([header], rows):
        writer.writerow([cell(value, zone, mark) for value in row])
        if buffer.tell() > _PART:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def workbook(
    header: Sequence[str], rows: Iterable[Sequence[Any]], zone: tzinfo = UTC
) -> Iterator[bytes]:
    """Yield an XLSX file, some at a time; a sheet that is full is followed by another."""
    out, left, sheets = Out(), iter(rows), 0
    with ZipFile(out, "w", ZIP_DEFLATED, compresslevel=3) as archive:
        row: Sequence[Any] | None = next(left, None)
        while row is not None or not sheets:
            sheets += 1
            with archive.open(f"xl/worksheets/sheet{sheets}.xml", "w") as sheet:
                sheet.write(_SHEET.encode() + _row(header, zone))
                written = count = 0
                while row is not None and count < _MOST_ROWS and written < _MOST_BYTES:
                    written += sheet.write(_row(row, zone))
                    count += 1
                    row = next(left, None)
                    if len(out) > _PART:
                        yield out.take()
                sheet.write(b"</sheetData></worksheet>")
        for name, text in _parts(sheets):
            archive.writestr(name, text)
    yield out.take()


class Out(io.RawIOBase):
    """Where an archive is written to and taken from at once; nobody can go back in it."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def __len__(self) -> int:
        return len(self._held)

    def take(self) -> bytes:
        """What was written since it was last taken."""
        data = bytes(self._held)
        self._held.clear()
        return data


def _row(values: Sequence[Any], zone: tzinfo) -> bytes:
    return f"<row>{''.join(_cell(value, zone) for value in values)}</row>".encode()


def _cell(value: Any, zone: tzinfo) -> str:
    if isinstance(value, datetime):
        here = (value.astimezone(zone) if value.tzinfo else value).replace(tzinfo=None)
        return f'<c s="1"><v>{(here - _EPOCH).total_seconds() / 86_400:.10f}</v></c>'
    shown = cell(value, zone)
    if isinstance(value, Decimal) or (isinstance(shown, int | float) and shown == shown):
        return f"<c><v>{shown}</v></c>"
    if shown == "":
        return "<c/>"
    text = escape(_NO_XML.sub("", str(shown))[:_MOST_TEXT])
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OPEN = "http://schemas.openxmlformats.org"
_MAIN = f"{_OPEN}/spreadsheetml/2006/main"
_KINDS = f"{_OPEN}/officeDocument/2006/relationships"
_LINKS = f'<Relationships xmlns="{_OPEN}/package/2006/relationships">'
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_SHEET = (
    f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView>'
    '</sheetViews><sheetFormatPr defaultRowHeight="15" defaultColWidth="18"/><sheetData>'
)
_XF = '<xf numFmtId="{}" fontId="0" fillId="0" borderId="0"'
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" '
    'formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    f'<cellStyleXfs count="1">{_XF.format(0)}/></cellStyleXfs><cellXfs count="2">'
    f'{_XF.format(0)} xfId="0"/>{_XF.format(164)} applyNumberFormat="1" xfId="0"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)


def _parts(sheets: int) -> Iterator[tuple[str, str]]:
    """What an archive holds beside its sheets, which it names: so it comes last."""
    numbers = range(1, sheets + 1)
    types = [
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>',
        '<Default Extension="xml" ContentType="application/xml"/>',
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>',
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>',
        *(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" '
            f'ContentType="{_TYPE}.worksheet+xml"/>'
            for n in numbers
        ),
    ]
    names = "".join(f'<sheet name="Rows {n}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
    links = "".join(
        f'<Relationship Id="r{n}" Type="{_KINDS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    yield "xl/styles.xml", _STYLES
    yield (
        "xl/workbook.xml",
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_KINDS}"><sheets>{names}</sheets></workbook>',
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        f'{_XML}{_LINKS}{links}<Relationship Id="s" Type="{_KINDS}/styles" Target="styles.xml"/>'
        "</Relationships>",
    )
    yield (
        "_rels/.rels",
        f'{_XML}{_LINKS}<Relationship Id="r1" Type="{_KINDS}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
    )
    yield (
        "[Content_Types].xml",
        f'{_XML}<Types xmlns="{_OPEN}/package/2006/content-types">{"".join(types)}</Types>',
    )
