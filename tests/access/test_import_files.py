"""One reader for every file: encodings, separators, headings, and what spreadsheets do to cells."""

import csv
import io
from datetime import UTC, datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.imports import cells, headings, sheet
from app.domain.ground.errors import Invalid
from app.domain.network import plugs
from app.web import spreadsheet
from tests.support.chance import texts

BERLIN = ZoneInfo("Europe/Berlin")


def tags_of(data):
    return sheet.read(data, headings.TAGS)


def only(data, known=headings.TAGS):
    (row,) = sheet.read(data, known).rows
    return row.cells


# ---- encodings, separators, headings ----

ENCODINGS = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16 little end first": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "UTF-16 big end first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "Windows-1252": lambda text: text.encode("cp1252"),
}
HEADINGS = {
    "ours": ("tag", "label", "blocked"),
    "SteVe": ("idTag", "note", "blocked"),
    "German": ("Kartennummer", "Bezeichnung", "gesperrt"),
    "German in capitals": ("KARTEN-NR.", "BEZEICHNUNG", "GESPERRT"),
    "OCPI": ("uid", "visual_number", "is_blocked"),
    "a reader's": ("RFID-UID", "Comment", "Locked"),
}


@pytest.mark.parametrize("coding", ENCODINGS)
@pytest.mark.parametrize("names", HEADINGS)
def test_a_file_is_read_in_every_form(coding, names):
    rows = [HEADINGS[names], ('="04A2B3C4"', " Schlüssel\u00a0", "ja"), ("", "", "")]
    for separator, ends in product(";\t,|", ("\r\n", "\n", "\r")):
        text = ends.join(separator.join(row) for row in rows) + ends
        table = tags_of(ENCODINGS[coding](text))
        assert table.unknown == [], (separator, ends)
        (row,) = table.rows
        assert row.cells == {"tag": "04A2B3C4", "label": "Schlüssel", "blocked": "ja"}, (
            separator,
            ends,
        )
        assert row.line == 2


def test_what_stands_above_the_heading_is_skipped_and_said_and_lines_are_the_files():
    table = tags_of("Karten des Depots;;\n\nStand;27.11.2026;\n\nKarte;Gruppe;\n\n04A2B3C4;;\n")
    assert [row.line for row in table.rows] == [7]
    assert "2 lines above the heading were skipped: “Karten des Depots Stand 27.11.2026”." in (
        table.notes
    )


def test_a_line_break_within_quotation_marks_belongs_to_its_cell():
    table = tags_of('tag,label\n04AA,"two\nlines"\n04BB,one\n')
    assert [(row.line, row.cells["label"]) for row in table.rows] == [(2, "two\nlines"), (4, "one")]


def test_cells_under_one_heading_are_never_taken_for_one_cell():
    (row,) = tags_of("tag\n04AA;x\n").rows
    assert row.fault == "The row has 2 cells under 1 heading."


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"'])
def test_a_line_that_names_the_separator_decides(first):
    assert only(f"{first}\r\ntag;label\r\n04AA;a, b\r\n") == {"tag": "04AA", "label": "a, b"}


def test_rows_that_are_too_short_or_too_long_are_told_from_those_that_fit():
    short, padded, long = tags_of("tag,label,group\n04AA,x\n04BB,x,y,,\n04CC,x,y,z\n").rows
    assert short.short and short.cells == {"tag": "04AA", "label": "x"}
    assert not padded.fault and padded.cells["group"] == "y"
    assert long.fault == "The row has 4 cells under 3 headings."


def test_a_column_without_a_heading_is_doubted_only_when_something_stands_in_it():
    assert tags_of("tag,,label\n04AA,,x\n").unknown == []
    assert tags_of("tag,,label\n04AA,?,x\n").unknown == ["column 2, which has no heading"]


def test_an_unsure_heading_takes_what_surer_ones_leave():
    assert only("Kartennummer,RFID\n17,04A2\n") == {"label": "17", "tag": "04A2"}
    assert only("Kartennummer,Name\n04A2,Ada\n") == {"tag": "04A2", "label": "Ada"}
    assert tags_of("uid,contract_id\n04A2,DE-1\n").unknown == ["contract_id"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"PK\x03\x04\x14\x00", "not a CSV file but an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\x00", "an old Excel workbook"),
        (b"%PDF-1.7", "a PDF document"),
        (b"tag\n\x00\x01\x02", "not a CSV file"),
        (b"tag,label\n04AA,\x81\n", "save the sheet as “CSV UTF-8”"),
        ("tag,label\n04AA,Mü\n04AB,Jörg".encode()[:-3], "Line 3: the file is UTF-8 but damaged"),
        ("tag,label\n04AA,Müß".encode() + b"\xfc\n", "Line 2: the file is UTF-8 but damaged"),
        (b"<html><table>", "not a CSV file but a web page"),
        (b'[{"uid": "04AA"}]', "not a CSV file but a JSON document"),
        ("tag\n" + "\n" * 500_000 + "04AA\n", "may hold 500000 lines; this one has more"),
        (b"", "holds no rows"),
        (b"tag,label\r\n", "holds no rows"),
        (b"tag,label\r\n,\r\n", "holds no rows"),
        (b"name,size\nAda,7\n", "no column named tag; it has: “name”, “size”."),
        (b"tag,idTag\n04AA,04AA\n", "“tag” and “idTag” mean the same"),
        (b'tag,label\n04AA,"x\n04BB,y\n', "Line 2: a quotation mark is not closed or"),
        (b"x" * 6_000_001, "has more than 3 MB"),
        ("tag" + ",x" * 300 + "\n04AA\n", "more than 200 columns"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_words(data, sentence):
    with pytest.raises(Invalid) as refusal:
        tags_of(data)
    assert sentence in refusal.value.sentence


@pytest.mark.parametrize("cell", ["#REF!", "#NV", "#name?", "########"])
def test_an_error_of_a_spreadsheet_is_no_value(cell):
    good, bad = tags_of(f"uid,label,size\n04AA,red,{cell}\n04AB,{cell},1\n").rows
    assert not good.fault
    assert bad.fault == (
        f"“{cell}” under label is no value but an error; mend the sheet and save it again."
    )


@pytest.mark.parametrize(
    "row",
    ["Summe;;12", "Summe: 12 Fahrer;;", "Total: 12;;", ";gesamt:;1.200,50 €", "Gesamtsumme;;"],
)
def test_a_sum_under_a_table_is_no_row_of_it(row):
    table = sheet.read(f"name;email;sessions\nSum Total;s@example.org;3\n{row}\n", headings.DRIVERS)
    assert not table.rows[0].fault
    assert "is a sum of the table and no row of it: leave it out." in table.rows[1].fault


@given(st.one_of(st.binary(max_size=300), texts(max_size=300)))
def test_whatever_is_sent_is_read_or_refused(data):
    for known in (headings.TAGS, headings.DRIVERS, headings.STATIONS, headings.SITES):
        try:
            assert sheet.read(data, known).rows
        except Invalid as refusal:
            assert refusal.sentence.endswith(".")


# ---- the whole way round ----

#: Texts as people type them: no control characters, no blanks that nobody sees.
TYPED = st.text(
    st.characters(
        exclude_categories=("Cc", "Zl", "Zp", "Cs"),
        exclude_characters="\u00a0\u2007\u202f\u200b\u200e\u200f\u2060\ufeff",
    ),
    max_size=30,
).map(str.strip)


@given(st.lists(st.tuples(TYPED.filter(bool), TYPED, TYPED), min_size=1, max_size=5))
def test_what_is_written_is_read_again(rows):
    text = "\ufeff" + "".join(spreadsheet.lines(("tag", "label", "group"), rows))
    table = tags_of(text.encode())
    names = ("tag", "label", "group")
    assert [row.cells for row in table.rows] == [dict(zip(names, row, strict=True)) for row in rows]


@given(TYPED)
def test_no_cell_that_is_written_can_become_a_formula(text):
    assert not spreadsheet.cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_times_are_written_on_a_clock_with_its_offset():
    winter, summer = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    text = "".join(spreadsheet.lines(("at", "then"), [(winter, summer)], BERLIN))
    assert list(csv.reader(io.StringIO(text)))[1] == [
        "2026-01-01T01:00:00+01:00",
        "2026-07-01T02:00:00+02:00",
    ]


# ---- cells ----


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2027-12-31", "2028-01-01T00:00+01:00"),
        ("31.12.2027", "2028-01-01T00:00+01:00"),
        ("1.7.2027", "2027-07-02T00:00+02:00"),
        ("31.12.2027 18:00", "2027-12-31T18:00+01:00"),
        ("31.12.2027, 18:00:30", "2027-12-31T18:00:30+01:00"),
        ("2027-12-31 23:59", "2027-12-31T23:59+01:00"),
        ("2027/12/31 23:59", "2027-12-31T23:59+01:00"),
        ("2027-12-31T23:59:00Z", "2027-12-31T23:59+00:00"),
        ("2027-12-31 23:59 UTC", "2027-12-31T23:59+00:00"),
        ("2027-12-31T23:59-05:00", "2027-12-31T23:59-05:00"),
        ("12/31/2027", "2028-01-01T00:00+01:00"),
        ("31/12/2027 06:00", "2027-12-31T06:00+01:00"),
        ("12/31/2027 6:05 PM", "2027-12-31T18:05+01:00"),
        ("12/31/2027 12:05 AM", "2027-12-31T00:05+01:00"),
        ("07/07/2027", "2027-07-08T00:00+02:00"),
        ("20271231", "2028-01-01T00:00+01:00"),
        ("2027-12-31T23:59:59.0000000Z", "2027-12-31T23:59:59+00:00"),
        ("2027-12-31T10", "2027-12-31T10:00+01:00"),
        ("2027-12-31T10Z", "2027-12-31T10:00+00:00"),
        # A day with an offset lasts until its end, there.
        ("2027-12-31Z", "2028-01-01T00:00+00:00"),
        ("2027-12-31 UTC", "2028-01-01T00:00+00:00"),
        ("2027-12-31+02:00", "2028-01-01T00:00+02:00"),
        ("2027-12-31-05:00", "2028-01-01T00:00-05:00"),
    ],
)
def test_an_expiry_is_read_as_people_write_it(text, instant):
    assert cells.instant(text, BERLIN) == datetime.fromisoformat(instant)


@pytest.mark.parametrize("text", ["", " ", "never", "unbegrenzt", "-"])
def test_an_expiry_may_be_none(text):
    assert cells.instant(text, BERLIN) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("04/03/2027", "can be read in two ways"),
        ("46387", "how a spreadsheet counts days"),
        ("46387,75", "how a spreadsheet counts days"),
        ("31.12.27", "is not a time"),
        ("31.02.2027", "is not a time"),
        ("13/13/2027", "is not a time"),
        ("12/31/2027 18:00 PM", "is not a time"),
        ("next week", "is not a time"),
        ("1970-01-01", "lies before 2000: leave out what has no end"),
        ("31.12.0027", "lies before 2000"),
        ("1812083100000", "is not a time"),
    ],
)
def test_an_expiry_that_may_mean_something_else_is_refused_in_words(text, sentence):
    with pytest.raises(Invalid) as refusal:
        cells.instant(text, BERLIN)
    assert sentence in refusal.value.sentence


@pytest.mark.parametrize(
    "text", ["4,22E+09", "1.23E+10", "1E+12", "4.2e10", "77771716.0", "411.223.344", "4,112,233.00"]
)
def test_digits_that_a_spreadsheet_has_lost_are_not_made_up(text):
    with pytest.raises(Invalid) as refusal:
        cells.kept(text)
    assert "lost: give the column the format Text" in refusal.value.sentence


@pytest.mark.parametrize("text", ["04E12345", "1E10", "123E4567", "DE-ABC-E+1"])
def test_a_card_with_an_e_in_it_is_none_of_these(text):
    assert cells.kept(text) == text


@pytest.mark.parametrize(
    ("text", "unit", "watts"),
    [("22", "kW", 22_000), ("22,5", "kW", 22_500), ("22 kW", "", 22_000), ("7400 W", "kW", 7_400)],
)
def test_a_power_has_its_unit_from_the_cell_or_the_heading(text, unit, watts):
    assert cells.power_w(text, unit) == watts


@pytest.mark.parametrize("text", ["22", "much", "1.000,5 kW", "1,000.5 kW"])
def test_a_power_without_a_unit_or_sense_is_refused(text):
    with pytest.raises(Invalid):
        cells.power_w(text, "")


# ---- cards ----


@pytest.mark.parametrize("text", ["04:A2:B3", "04-a2-b3", "04 a2 b3", "0x04A2B3", "04.a2.b3"])
def test_a_card_is_one_card_in_whatever_way_it_is_written(text):
    assert cells.written(text) == "04A2B3"
    assert cells.bare(text) == cells.bare("04A2B3")


@pytest.mark.parametrize("text", ["04A2B3", "FLEET-1", "DE-ABC-C12345678-X", "a-b", "0x", "12-345"])
def test_what_is_no_hexadecimal_number_stays_as_it_is_written(text):
    assert cells.written(text) == text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("C4B3A204", "04A2B3C4 is listed; is it the same card read the other way round?"),
        ("4A2B3C4", "with zeros lost at an end?"),
        ("4A2B3C4000", "with zeros lost at an end?"),
        ("O4A2B3C4", "with a letter and a digit that look alike mixed up?"),
        ("77771716", "written as another kind of number?"),
        ("3300106756", "written as another kind of number?"),
    ],
)
def test_a_card_that_may_be_a_known_one_is_asked_about(value, words):
    assert words in (cells.Known(["04A2B3C4"]).near(value) or "")


@pytest.mark.parametrize("value", ["04A2B3C4", "04:a2:b3:c4", "04A2B3C5", "FLEET", "1", "99887766"])
def test_another_card_is_not_asked_about(value):
    assert cells.Known(["04A2B3C4", "FLEET-12"]).near(value) is None


# ---- what other people's files hold besides ----


@pytest.mark.parametrize(
    "text",
    ["9999-12-31", "9999-12-31 23:59:59", "31.12.9999", "12/31/9999", "9999-12-31T23:59:59Z"],
)
def test_the_last_day_there_is_means_never(text):
    assert cells.instant(text, BERLIN) is None


def test_a_date_with_hyphens_is_read_when_it_can_be_read_in_one_way():
    assert cells.instant("31-12-2027", BERLIN) == datetime(2027, 12, 31, 23, tzinfo=UTC)
    with pytest.raises(Invalid, match="in two ways"):
        cells.instant("01-02-2027", BERLIN)


@pytest.mark.parametrize("text", ["2027-W05", "2027W05", "2027-W05-3"])
def test_a_week_is_no_day(text):
    with pytest.raises(Invalid, match="is not a time"):
        cells.instant(text, BERLIN)


@pytest.mark.parametrize(("text", "unit"), [("22.000", "W"), ("22,000 W", ""), ("1.000", "W")])
def test_thousands_of_watts_are_not_taken_for_decimals(text, unit):
    with pytest.raises(Invalid, match="thousands or as decimals"):
        cells.power_w(text, unit)


def test_decimals_of_kilowatts_and_of_an_export_are_read():
    assert cells.power_w("7.360", "kW") == 7360
    assert cells.power_w("22000.0", "W") == 22000


def test_a_byte_of_nothing_in_a_text_does_not_make_it_another_coding():
    with pytest.raises(Invalid, match="not a CSV file that can be read"):
        tags_of(b"tag,label\n04AA\x0025,red\n04AA26,blue\n")


def test_the_tables_of_steve_are_understood_but_for_what_nobody_here_needs():
    tags = "ocpp_tag_pk,id_tag,parent_id_tag,expiry_date,max_active_transaction_count,note\n"
    assert tags_of(tags + "1,DEADBEE1,,2027-01-01 00:00:00.000000,1,red\n").unknown == []
    boxes = "charge_box_pk,charge_box_id,endpoint_address,ocpp_protocol,description,note\n"
    assert sheet.read(boxes + "1,CB-1,,ocpp1.6J,Yard,\n", headings.STATIONS).unknown == []
    people = "user_pk,first_name,last_name,e_mail\n1,Ada,Example,ada@example.org\n"
    assert sheet.read(people, headings.DRIVERS).unknown == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Typ 2", "Type 2"), ("TYPE2", "Type 2"), ("Mennekes", "Type 2"), ("CCS2", "CCS"),
     ("IEC_62196_T2_COMBO", "CCS"), ("schuko", "Schuko"), ("Type 9", "Type 9")],
)  # fmt: skip
def test_a_plug_is_known_by_the_names_that_others_give_it(name, kind):
    assert plugs.kind(name) == kind
