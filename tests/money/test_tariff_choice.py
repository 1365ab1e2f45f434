"""One rule says which tariff may price a site's sessions, and everybody keeps it."""

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from app.domain.access import drivers, tag_groups, tags
from app.domain.access.imports import drivers as driver_import
from app.domain.access.imports import headings, sheet
from app.domain.charging import sessions
from app.domain.charging.sessions.begin import name_holder
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import (
    Actor,
    BillingState,
    ConnectorRef,
    Decision,
    Token,
    Verdict,
)
from app.domain.money import tariff_book, tariff_choice
from app.domain.network import sites, stations
from app.models import TariffVersion, Tenant
from tests.support import lone
from tests.support.charging import PRICES, STARTED

GRACE = Actor("Grace Hopper", 7)
LATER = STARTED + timedelta(hours=2)


def tariff(db, net, name, *, currency="EUR", archived=False, tenant_id=None):
    made = tariff_book.create(
        db, GRACE, tenant_id or net.site.tenant_id, name=name,
        definition={**PRICES, "currency": currency}, now=STARTED,
    )  # fmt: skip
    if archived:
        tariff_book.archive(db, GRACE, made, now=STARTED)
    return made


@pytest.fixture(params=["francs", "archived", "foreign"])
def unfit(db, net, request):
    other = Tenant(name="Others", created_at=STARTED)
    db.add(other)
    db.flush()
    made = {
        "francs": lambda: tariff(db, net, "Alps", currency="CHF"),
        "archived": lambda: tariff(db, net, "Old", archived=True),
        "foreign": lambda: tariff(db, net, "Theirs", tenant_id=other.id),
    }[request.param]()
    reason = {
        "francs": "The tariff Alps is in CHF, the site charges in EUR.",
        "archived": "The tariff Old is in the archive.",
        "foreign": "There is no such tariff.",
    }[request.param]
    return made, reason


def test_nobody_is_given_a_tariff_that_does_not_fit(db, net, unfit):
    made, reason = unfit
    group = tag_groups.add(db, GRACE, net.site.tenant_id, now=STARTED, name="Vans")
    tries = [
        *(
            lambda holder=holder: tariff_book.assign(db, GRACE, made, holder, now=LATER)
            for holder in (net.site, net.station, net.driver, group)
        ),
        lambda: sites.edit(db, GRACE, net.site, now=LATER, tariff_id=made.id),
        lambda: stations.edit(db, GRACE, net.station, now=LATER, tariff_id=made.id),
        lambda: drivers.edit(db, GRACE, net.driver, now=LATER, tariff_id=made.id),
        lambda: tag_groups.edit(
            db, GRACE, group, now=LATER, name="Vans", parent=None, tariff_id=made.id
        ),
    ]
    for attempt in tries:
        with pytest.raises(Invalid) as refusal:
            attempt()
        assert refusal.value.sentence == reason
        db.refresh(net.site)
        db.refresh(net.station)


def test_an_import_names_the_row_and_the_reason(db, net):
    tariff(db, net, "Alps", currency="CHF")
    table = sheet.read("name,tariff\nBob,alps\n", headings.DRIVERS)
    plan = driver_import.plan(db, table, tenant_id=net.site.tenant_id)
    assert [error.sentence for error in plan.errors] == [
        "The tariff Alps is in CHF, the site charges in EUR."
    ]


def test_a_driver_may_have_the_currency_of_any_site(db, net):
    alps = tariff(db, net, "Alps", currency="CHF")
    sites.add(
        db, GRACE, net.site.tenant_id, now=STARTED, name="Chur", timezone="Europe/Zurich",
        currency="CHF",
    )  # fmt: skip
    tariff_book.assign(db, GRACE, alps, net.driver, now=STARTED)
    assert net.driver.tariff is alps


def choose(db, net):
    tag = SimpleNamespace(group=None, driver=net.driver)
    return tariff_choice.applicable(
        tariff_choice.Prices(db, [net.station], [tag]), net.station, tag, STARTED
    )


def test_the_nearer_price_counts(db, net):
    near = tariff(db, net, "Ada")
    net.site.tariff_id, net.driver.tariff_id = net.version.tariff_id, near.id
    db.flush()
    db.expire_all()
    choice = choose(db, net)
    assert (choice.version_id, choice.skipped) == (near.versions[-1].id, False)
    assert choice.why == "“Ada” version 1 applies because the driver has a price of their own."


def test_what_does_not_fit_is_skipped_and_told(db, net, unfit):
    made, reason = unfit
    net.site.tariff_id, net.driver.tariff_id = net.version.tariff_id, made.id
    db.flush()
    db.expire_all()
    choice = choose(db, net)
    assert choice.version_id == net.version.id
    assert choice.why.endswith(f"A nearer price was not used: {reason[0].lower()}{reason[1:]}")
    assert choice.skipped is (made.currency == "CHF")


def test_a_bill_at_another_price_than_the_nearer_one_is_held(db, net):
    alps = tariff(db, net, "Alps", currency="CHF")
    net.site.tariff_id, net.driver.tariff_id = net.version.tariff_id, alps.id
    session, token = net.session(), Token("04A219B0")
    about = {"value": token.value, "driver_id": net.driver.id, "now": STARTED}
    tag = tags.add(db, GRACE, net.site.tenant_id, **about)
    decision = Decision(Verdict.ACCEPTED, "listed", "", tag.id)
    name_holder(db, net.station, session, token, decision)
    assert session.currency == "EUR"
    review = lone.issue(db, session.id, now=LATER)
    assert session.billing is BillingState.HELD
    assert review.reasons == ["price_skipped"]
    net.driver.tariff_id = None
    name_holder(db, net.station, session, token, decision)
    assert session.flags == []


def test_a_tariff_in_use_is_not_archived(db, net):
    near = tariff(db, net, "Ada")
    tariff_book.assign(db, GRACE, near, net.driver, now=STARTED)
    with pytest.raises(Conflict):
        tariff_book.archive(db, GRACE, near, now=STARTED)


def test_without_a_tariff_that_fits_there_is_no_price(db, net):
    alps = tariff(db, net, "Alps", currency="CHF")
    net.driver.tariff_id = alps.id
    db.flush()
    db.expire_all()
    choice = choose(db, net)
    assert (choice.version_id, choice.skipped) == (None, False)
    assert "is in CHF" in choice.why


@pytest.mark.parametrize(
    ("began", "told", "number"),
    [(60, 180, 3), (150, 180, 4), (119, 121, 4), (-60, 180, 3)],
)
def test_a_start_that_is_told_late_has_the_price_of_its_own_time(db, net, began, told, number):
    """The prices change after two hours; what is told at once has the price of that moment."""
    net.site.tariff_id = net.version.tariff_id
    same = {"tariff_id": net.version.tariff_id, "definition": PRICES, "created_by": "Grace"}
    db.add(TariffVersion(number=4, created_at=STARTED + timedelta(minutes=120), **same))
    db.flush()
    at = STARTED + timedelta(minutes=began)
    start = sessions.Start(ConnectorRef(1), Token("A"), Decimal(0), at, str(at))
    now = STARTED + timedelta(minutes=told)
    session = lone.begin(db, net.station, start, now=now).session
    assert session.tariff_version.number == number
    assert f"version {number} applies" in session.tariff_why
