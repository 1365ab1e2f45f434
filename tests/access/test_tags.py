"""Tags: compared as chargers write them, limited to places, imported without surprises."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from app.domain.access import drivers, tag_groups, tags
from app.domain.access.imports import cells, headings, sheet
from app.domain.access.imports import tags as tag_import
from app.domain.access.imports.plans import Options
from app.domain.ground.errors import Conflict, Forbidden, Invalid, NotFound, Taken
from app.domain.ground.vocabulary import SYSTEM, TagStatus
from app.models import AuditEntry, Site, Station, Tag, Tenant
from app.web import scope

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def places(db, tenant, now):
    """Two sites, one station at each."""
    made = []
    for name in ("Depot", "Harbour"):
        site = Site(
            tenant_id=tenant.id,
            name=name,
            name_key=name.casefold(),
            timezone="Europe/Berlin",
            currency="EUR",
            created_at=now,
        )
        db.add(site)
        db.flush()
        station = Station(
            tenant_id=tenant.id,
            site_id=site.id,
            identity=f"CP-{name}",
            identity_key=f"cp-{name.casefold()}",
            created_at=now,
        )
        db.add(station)
        db.flush()
        made.append((site, station))
    return made


def add(db, tenant, now, value="04A2B3", **given):
    return tags.add(db, SYSTEM, tenant.id, now=now, value=value, **given)


def entries(db, action):
    return db.scalars(select(AuditEntry).where(AuditEntry.action == action)).all()


def test_a_tag_keeps_its_spelling_and_is_compared_without_it(db, tenant, now):
    tag = add(db, tenant, now, " 20:69:C0:21 ")
    assert (tag.value, tag.key, tag.bare_key) == ("20:69:C0:21", "20:69:c0:21", "2069c021")
    assert tags.on_list(db, "20:69:c0:21", tenant_id=tenant.id) is tag


def test_a_tag_stands_on_the_list_once(db, tenant, now):
    add(db, tenant, now, "04A2B3")
    with pytest.raises(Taken, match="04A2B3 is already on the list"):
        add(db, tenant, now, "04a2b3 ")


def test_an_archived_tag_is_restored_instead_of_added_again(db, tenant, now):
    tag = add(db, tenant, now)
    tags.archive(db, SYSTEM, tag, now=now)
    with pytest.raises(Taken, match="restore it instead"):
        add(db, tenant, now)
    assert tags.restore(db, SYSTEM, tag, now=now)


@pytest.mark.parametrize("value", ["", "   ", "a" * 256, "04\r\nA2", "\x00"])
def test_a_value_that_no_charger_could_send_is_refused(db, tenant, now, value):
    with pytest.raises(Invalid):
        add(db, tenant, now, value)


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_is_a_sensible_number(db, tenant, now, limit):
    with pytest.raises(Invalid):
        add(db, tenant, now, concurrent_limit=limit)


def test_another_tenants_things_cannot_be_named(db, tenant, places, now):
    other = Tenant(name="Another", created_at=now)
    db.add(other)
    db.flush()
    driver = drivers.add(db, SYSTEM, other.id, now=now, name="Eve")
    group = tag_groups.add(db, SYSTEM, other.id, now=now, name="Fleet")
    for facts in ({"driver_id": driver.id}, {"group_id": group.id}):
        with pytest.raises(NotFound):
            add(db, tenant, now, **facts)
    site, station = places[0]
    for facts in (
        {"site_ids": frozenset({site.id})},
        {"station_ids": frozenset({station.id})},
    ):
        with pytest.raises(NotFound):
            add(db, other, now, **facts)


def test_where_a_tag_may_charge_is_audited(db, tenant, places, now):
    (depot, _), (_, quay) = places
    tag = add(db, tenant, now, site_ids=frozenset({depot.id}))
    assert tags.edit(db, SYSTEM, tag, now=now, site_ids=frozenset(), station_ids={quay.id})
    assert (tag.sites, tag.stations) == ([], [quay])
    (entry,) = entries(db, "tag.edit")
    assert entry.before == {"sites": [depot.name], "stations": []}
    assert entry.after == {"sites": [], "stations": [quay.identity]}


def test_somebody_limited_to_a_site_changes_no_tag_of_other_places(db, tenant, places, now):
    (depot, _), (harbour, _) = places
    everywhere = frozenset({depot.id, harbour.id})
    tag = add(db, tenant, now, site_ids=everywhere)
    scope.narrow(db, scope.Scope(tenant.id, frozenset({depot.id})))
    assert tags.held(db, tag)["site_ids"] == {depot.id}
    for wanted in (frozenset(), everywhere):
        with pytest.raises(Forbidden):
            tags.edit(db, SYSTEM, tag, now=now, site_ids=wanted)
    scope.narrow(db, None)
    db.expire_all()
    assert {site.id for site in tag.sites} == everywhere


def test_blocking_twice_is_one_entry(db, tenant, now):
    tag = add(db, tenant, now)
    assert tags.block(db, SYSTEM, tag, now=now)
    assert not tags.block(db, SYSTEM, tag, now=now)
    assert tag.status is TagStatus.BLOCKED
    assert tags.unblock(db, SYSTEM, tag, now=now)
    assert len(entries(db, "tag.block")) == 1


def test_a_group_gets_a_parent_token_that_fits_the_protocol(db, tenant, now):
    group = tag_groups.add(
        db, SYSTEM, tenant.id, now=now, name="The long-named fleet of the harbour"
    )
    assert group.parent == "THELONGNAMEDFLEETOFT"


def test_groups_share_neither_name_nor_parent(db, tenant, now):
    tag_groups.add(db, SYSTEM, tenant.id, now=now, name="Fleet", parent="FLEET-1")
    for facts in ({"name": "fleet"}, {"name": "Taxis", "parent": "fleet-1"}):
        with pytest.raises(Taken):
            tag_groups.add(db, SYSTEM, tenant.id, now=now, **facts)


def test_a_group_with_tags_is_not_removed(db, tenant, now):
    group = tag_groups.add(db, SYSTEM, tenant.id, now=now, name="Fleet")
    tag = add(db, tenant, now, group_id=group.id)
    with pytest.raises(Conflict, match="still holds 1 tag"):
        tag_groups.remove(db, SYSTEM, group, now=now)
    tags.edit(db, SYSTEM, tag, now=now, group_id=None)
    tag_groups.remove(db, SYSTEM, group, now=now)


# ---- import ----


def plan(db, tenant, text, now=NOW):
    table, options = sheet.read(text, headings.TAGS), Options(zone="Europe/Berlin")
    return tag_import.plan(db, table, tenant_id=tenant.id, now=now, options=options)


def carry_out(db, tenant, now, text):
    made = plan(db, tenant, text)
    tag_import.carry_out(db, SYSTEM, made, [*made.rows], tenant_id=tenant.id, now=now)
    return made


FILE = """tag;label;driver;group;status;expires;limit;sites
04A2B3;Red card;ada@example.org;Fleet;active;2026-12-31;2;Depot | Harbour
04FFFF;;;;blocked;;;
"""


@pytest.fixture
def listed(db, tenant, places, now):
    drivers.add(db, SYSTEM, tenant.id, now=now, name="Ada Lovelace", email="ada@example.org")
    tag_groups.add(db, SYSTEM, tenant.id, now=now, name="Fleet")


def test_a_plan_writes_nothing(db, tenant, listed):
    made = plan(db, tenant, FILE)
    assert (made.count("add"), made.errors) == (2, [])
    assert db.scalar(select(func.count()).select_from(Tag)) == 0


def test_an_import_reads_every_column(db, tenant, listed, now):
    carry_out(db, tenant, now, FILE)
    card = tags.named(db, tenant.id, "04a2b3")
    assert (card.label, card.driver.name, card.group.name) == ("Red card", "Ada Lovelace", "Fleet")
    assert card.expires_at == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert (card.concurrent_limit, len(card.sites)) == (2, 2)
    assert tags.named(db, tenant.id, "04FFFF").status is TagStatus.BLOCKED


def test_the_same_file_twice_changes_nothing(db, tenant, listed, now):
    carry_out(db, tenant, now, FILE)
    before = db.scalar(select(func.count()).select_from(AuditEntry))
    made = carry_out(db, tenant, now, FILE)
    assert made.count("same") == 2
    assert db.scalar(select(func.count()).select_from(AuditEntry)) == before


def test_a_column_that_is_absent_is_left_alone_and_an_empty_cell_clears(db, tenant, listed, now):
    carry_out(db, tenant, now, FILE)
    carry_out(db, tenant, now, "Tag,Group\n04a2b3,\n")
    card = tags.named(db, tenant.id, "04A2B3")
    assert (card.label, card.group) == ("Red card", None)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (",x", "The tag is missing"),
        ("04,nobody@example.org", "There is no driver “nobody@example.org”"),
        ("04,,Taxis", "There is no group “Taxis”"),
        ("04,,,gone", "“gone” is neither active nor blocked"),
        ("04,,,,tomorrow", "“tomorrow” is not a time"),
        ("04,,,,,many", "“many” is not a limit"),
        ("04,,,,,0", "“0” is not a limit"),
        ("04,,,,,,Moon", "There is no site “Moon”"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_with_its_number(db, tenant, row, sentence):
    text = f"tag,driver,group,status,expires,limit,sites\n04AA,,,,,,\n{row}\n"
    made = plan(db, tenant, text)
    (error,) = made.errors
    assert error.number == 3
    assert sentence in error.sentence
    assert made.count("add") == 1


def test_the_same_tag_twice_in_a_file_is_an_error(db, tenant):
    made = plan(db, tenant, "tag\n04AA\n04aa\n")
    assert [(error.number, error.sentence) for error in made.errors] == [
        (2, "04AA stands in line 3 (as 04aa) too; keep one of the rows."),
        (3, "04aa stands in line 2 (as 04AA) too; keep one of the rows."),
    ]


def test_an_archived_tag_is_not_brought_back_by_a_file(db, tenant, now):
    tags.archive(db, SYSTEM, add(db, tenant, now), now=now)
    assert "archived" in plan(db, tenant, "tag\n04A2B3\n").errors[0].sentence


@pytest.mark.parametrize("text", ["", "tag\n", "name\nAda\n"])
def test_a_file_without_tags_is_refused_as_a_whole(db, tenant, text):
    with pytest.raises(Invalid):
        plan(db, tenant, text)


def test_an_expiry_is_read_on_the_readers_clock():
    assert cells.instant("2026-07-01T18:00", BERLIN) == datetime(2026, 7, 1, 16, tzinfo=UTC)
    assert cells.instant("2026-07-01T18:00Z", BERLIN) == datetime(2026, 7, 1, 18, tzinfo=UTC)
    assert cells.instant(" ", BERLIN) is None
    with pytest.raises(Invalid):
        cells.instant("0001-01-01T00:00", BERLIN)
