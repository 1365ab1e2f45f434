"""Tags on the desk: the list, why a tap ended as it did, unknown cards, imports."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.domain.access import authorisation
from app.domain.ground.vocabulary import TagStatus, Token
from app.models import Driver, Tag, TagGroup
from app.text.numbers import number
from tests.support.desk import page

#: What is asked here must stand in the audit.
pytestmark = pytest.mark.usefixtures("audited")


def tap(db, made, token, station="CP-01"):
    """A tap that is decided now, as the worker would decide it."""
    at, occasion = made.stations[station], authorisation.AUTHORIZE
    tapped = authorisation.Tap(at, Token(token), occasion, datetime.now(UTC), evse=1)
    decision = authorisation.decide(db, tapped)
    db.commit()
    return decision


def only(db, model, **given):
    db.expire_all()
    return db.scalars(select(model).filter_by(**given)).one()


def test_the_list_shows_who_has_which_card_and_its_last_tap(made, db, viewer):
    tap(db, made, "04:A2:19:B0")
    text = page(viewer, "/tags")
    assert "04:A2:19:B0" in text and "Ada Lovelace" in text
    row = text[text.index("04:A2:19:B0") :]
    assert "accepted" in row[: row.index("</tr>")]


def test_a_viewer_is_offered_nothing_that_they_may_not_do(made, viewer):
    text = page(viewer, "/tags") + page(viewer, f"/tags/{made.tags['Ada'].id}")
    assert "Add tag" not in text and 'action="/tags/' not in text.replace("/tags/bulk", "")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=lovelace", ["04:A2:19:B0"]),
        ("q=04A219", ["04:A2:19:B0"]),
        ("q=%25", []),
        ("state=blocked", ["04:77:C1:0E"]),
        ("state=archived", []),
        ("sort=-tag", ["04:A2:19:B0", "04:77:C1:0E", "04:5D:33:F8"]),
        ("sort=driver", ["04:A2:19:B0", "04:77:C1:0E", "04:5D:33:F8"]),
    ],
)
def test_the_url_narrows_and_sorts_the_list(made, db, viewer, query, found):
    made.tags["Ben"].status = TagStatus.BLOCKED
    db.commit()
    rows = csv.DictReader(io.StringIO(page(viewer, f"/tags?{query}&format=csv").lstrip("\ufeff")))
    assert [row["tag"] for row in rows] == found


def test_a_list_may_be_narrowed_to_what_charges_at_a_site(made, db, viewer):
    depot, garage = made.sites["Depot Nord"], made.sites["City Garage"]
    made.tags["Ada"].sites = [depot]
    made.tags["Ben"].stations = [made.stations["CP-06"]]
    db.commit()
    assert "04:77:C1:0E" not in page(viewer, f"/tags?site={depot.id}")
    text = page(viewer, f"/tags?site={garage.id}")
    assert "04:77:C1:0E" in text and "04:A2:19:B0" not in text and "04:5D:33:F8" in text


def test_a_tag_says_why_its_last_tap_was_refused(made, db, viewer):
    made.tags["Ada"].sites = [made.sites["City Garage"]]
    db.commit()
    tap(db, made, "04:a2:19:b0 ")
    text = page(viewer, f"/tags/{made.tags['Ada'].id}")
    assert "Why was the last tap refused?" in text
    assert "The tag 04:A2:19:B0 is not allowed at CP-01." in text


def test_an_unknown_card_is_one_click_from_the_list(made, db, operator):
    tap(db, made, "DEADBEEF")
    tap(db, made, "deadbeef")
    text = page(operator, "/tags/unknown")
    assert text.count("Add card") == 1
    link = re.search(r'href="(/tags/new\?value=[^"]+)"', text).group(1)
    assert 'value="deadbeef"' in page(operator, link)
    added = operator.post("/tags/new", data={"value": "deadbeef", "driver": "Ada Lovelace"})
    assert added.status_code == 303
    assert "Add card" not in page(operator, "/tags/unknown")
    assert "The tag deadbeef is on no list." in page(operator, added.location)


def test_a_reader_that_adds_separators_does_not_make_a_card_unknown(made, db, operator):
    tap(db, made, "04-A2-19-B0")
    assert "Add card" not in page(operator, "/tags/unknown")


def test_a_tag_is_added_with_all_its_facts(made, db, operator):
    group = TagGroup(tenant_id=1, name="Fleet", parent="FLEET", created_at=made.now)
    db.add(group)
    db.commit()
    answer = operator.post(
        "/tags/new",
        data={
            "value": " 04FFEE ",
            "label": "key box",
            "driver": "Ada Lovelace <ada@example.org>",
            "group": str(group.id),
            "expires_at": "2027-07-01T18:00",
            "concurrent_limit": "2",
            "sites": [str(made.sites["Depot Nord"].id)],
            "stations": [str(made.stations["CP-06"].id)],
        },
    )
    assert answer.status_code == 303
    tag = only(db, Tag, key="04ffee")
    assert (tag.value, tag.label, tag.driver.name) == ("04FFEE", "key box", "Ada Lovelace")
    assert tag.expires_at == datetime(2027, 7, 1, 16, tzinfo=UTC)
    assert (tag.concurrent_limit, len(tag.sites), len(tag.stations)) == (2, 1, 1)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"value": "04:a2:19:b0"}, "04:A2:19:B0 is already on the list."),
        ({"value": ""}, "Type the number of the card"),
        ({"value": "04FF", "driver": "Nobody"}, "There is no driver named Nobody."),
        ({"value": "04FF", "expires_at": "soon"}, "is not a time"),
        ({"value": "04FF", "concurrent_limit": "0"}, "Type a number from 1 to 1000."),
        ({"value": "04FF", "concurrent_limit": "x"}, "Type a number from 1 to 1000."),
        ({"value": "04FF", "group": "99"}, "Choose one from the list."),
        ({"value": "04FF", "sites": "99"}, "is not a valid choice"),
        ({"value": "04FF", "stations": "99"}, "is not a valid choice"),
        ({"value": "04FF", "stations": "9" * 30}, "could not be coerced"),
        ({"value": "04FF", "stations": "-1"}, "could not be coerced"),
    ],
)
def test_what_cannot_be_used_is_said_in_the_form(made, operator, given, sentence):
    answer = operator.post("/tags/new", data=given)
    assert answer.status_code == 422
    assert sentence in answer.text


def test_an_edit_starts_from_what_is_there(made, db, operator):
    tag = made.tags["Ada"]
    tag.expires_at = datetime(2027, 1, 1, tzinfo=UTC)
    tag.stations = [made.stations["CP-02"]]
    db.commit()
    text = page(operator, f"/tags/{tag.id}/edit")
    assert 'value="Ada Lovelace &lt;ada@example.org&gt;"' in text
    assert 'value="2027-01-01T01:00"' in text
    assert re.search(rf'checked [^>]*name="stations"[^>]*value="{tag.stations[0].id}"', text)
    answer = operator.post(
        f"/tags/{tag.id}/edit", data={"label": "blue", "driver": "", "expires_at": ""}
    )
    assert answer.status_code == 303
    tag = only(db, Tag, key="04:a2:19:b0")
    assert (tag.label, tag.driver, tag.expires_at, tag.stations) == ("blue", None, None, [])


def test_block_unblock_archive_and_restore(made, db, operator):
    tag = made.tags["Ada"]
    for change, state in (
        ("block", (TagStatus.BLOCKED, False)),
        ("unblock", (TagStatus.ACTIVE, False)),
        ("archive", (TagStatus.ACTIVE, True)),
        ("restore", (TagStatus.ACTIVE, False)),
    ):
        assert operator.post(f"/tags/{tag.id}/{change}").status_code == 303
        db.expire_all()
        assert (tag.status, tag.archived_at is not None) == state


def test_ticked_tags_are_blocked_together(made, db, operator):
    ids = [str(made.tags[name].id) for name in ("Ada", "Ben")]
    answer = operator.post("/tags/bulk", data={"action": "block", "ids": ids})
    assert answer.status_code == 303
    assert "2 tags are blocked." in page(operator, "/tags")
    db.expire_all()
    assert made.tags["Ada"].status is made.tags["Ben"].status is TagStatus.BLOCKED


def test_a_bulk_action_without_ticks_is_refused_in_words(made, operator):
    answer = operator.post("/tags/bulk", data={"action": "block"}, follow_redirects=True)
    assert "Tick the rows first" in answer.text


def test_one_tag_that_cannot_be_restored_does_not_keep_the_others(made, db, operator):
    made.drivers["Ada"].archived_at = made.now
    for name in ("Ada", "Ben"):
        made.tags[name].archived_at = made.now
    db.commit()
    ids = [str(made.tags[name].id) for name in ("Ada", "Ben")]
    operator.post("/tags/bulk", data={"action": "restore", "ids": ids})
    text = page(operator, "/tags")
    assert "1 tag is restored." in text and "Ada Lovelace is archived" in text


# ---- groups ----


def test_a_group_is_made_used_and_removed(made, db, operator):
    assert operator.post("/tags/groups/new", data={"name": "Fleet", "tariff": ""}).location
    group = only(db, TagGroup, name="Fleet")
    assert "FLEET" in page(operator, "/tags/groups")
    operator.post(
        f"/tags/groups/{group.id}/edit",
        data={"name": "Taxis", "parent": "TX", "tariff": "", "master_pass": "y"},
    )
    assert (only(db, TagGroup, id=group.id).name, group.parent) == ("Taxis", "TX")
    assert group.master_pass
    assert "master pass" in page(operator, "/tags/groups")
    assert operator.post(f"/tags/groups/{group.id}/remove").status_code == 303
    assert db.scalars(select(TagGroup)).all() == []


# ---- import ----

FILE = "tag;label;driver\n04FFEE;key box;ada@example.org\n04:A2:19:B0;blue;ada@example.org\n;x;\n"


def test_an_import_is_looked_through_before_anything_is_written(made, db, operator):
    upload = {"file": (io.BytesIO(FILE.encode("utf-8-sig")), "tags.csv")}
    text = operator.post("/tags/import", data=upload).text
    assert "Import 2 valid rows" in text
    assert "The tag is missing." in text
    assert db.scalar(select(Tag).where(Tag.key == "04ffee")) is None


def test_the_valid_rows_go_in_when_somebody_says_so(made, db, operator):
    answer = operator.post("/tags/import", data={"text": FILE, "go": "1"})
    assert answer.status_code == 303
    text = page(operator, answer.location)
    assert "1 added, 1 changed, 0 as they were." in text and "1 row was left out" in text
    assert only(db, Tag, key="04ffee").driver.name == "Ada Lovelace"


@pytest.mark.landing
def test_a_long_file_survives_the_look_through(made, operator):
    rows = "".join(f"04{row:010X},{'x' * 100}\n" for row in range(5000))
    answer = operator.post("/tags/import", data={"text": f"tag,label\n{rows}"})
    assert f"Import {number(5000)} rows" in answer.text


def test_an_export_can_be_imported_again_without_a_change(made, operator):
    exported = page(operator, "/tags?format=csv")
    text = operator.post("/tags/import", data={"text": exported}).text
    assert re.search(r"As they are</span><b>3</b>", text)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file holds no rows"),
        (b"name\nAda\n", "no column named tag"),
        (b"PK\x03\x04\x00\x00", "not a CSV file"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_words(made, operator, content, sentence):
    answer = operator.post("/tags/import", data={"file": (io.BytesIO(content), "x.csv")})
    assert answer.status_code == 422
    assert sentence in answer.text


def test_a_file_from_windows_is_read(made, db, operator):
    content = "tag;label\n04FFEE;Schlüssel\n".encode("cp1252")
    text = operator.post("/tags/import", data={"file": (io.BytesIO(content), "x.csv")})
    assert "Schlüssel" in text.text


def test_expired_tags_are_told_from_active_ones(made, db, viewer):
    made.tags["Ada"].expires_at = datetime.now(UTC) - timedelta(days=1)
    db.commit()
    assert "04:A2:19:B0" in page(viewer, "/tags?state=expired&format=csv")
    assert "04:A2:19:B0" not in page(viewer, "/tags?state=active&format=csv")
    assert db.scalar(select(Driver.name).where(Driver.id == made.tags["Ada"].driver_id))
