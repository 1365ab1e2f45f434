"""Alerts: opened once when something begins, told when they may be, closed when it is over."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from app.domain.charging.reports import SECURITY
from app.domain.ground.errors import Conflict, Invalid, NotFound, Taken
from app.domain.ground.vocabulary import SYSTEM, Actor, AlertKind, Availability, Role
from app.domain.office import alert_rules, alerts, api_tokens
from app.domain.office.alerts import Condition, Look
from app.extensions import db as flask_db
from app.models import (
    Alert,
    AuditEntry,
    StationCertificate,
    StationReport,
    User,
)
from app.queries.office import conditions
from app.tasks.alerts import watch, watch_tenant
from tests.support.alerting import beat, comes_back, found, goes, gone, look_at, mails, rule
from tests.support.by_hand import Network

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ADA = Actor("Ada", None)


@pytest.fixture
def network(any_app):
    return Network(flask_db.session(), NOW)


def test_an_alert_opens_once_and_closes_when_it_is_over(network):
    rule(network)
    station = gone(network, "CP-7")
    for minutes in range(3):
        look_at(network, NOW + minutes * MINUTE)
    (alert,) = found()
    assert (alert.what, alert.site_id, alert.station_id) == (
        "CP-7 is offline", network.site.id, station.id,
    )  # fmt: skip
    assert alert.began_at == NOW - HOUR
    assert alert.closed_at is None
    comes_back(network, station, NOW + 3 * MINUTE)
    look_at(network, NOW + 4 * MINUTE)
    assert found()[0].closed_at == NOW + 4 * MINUTE
    assert [mail.subject for mail in mails()] == ["Alert: CP-7 is offline", "Over: CP-7 is offline"]


def test_what_begins_anew_is_a_new_alert(network):
    rule(network)
    station = gone(network, "CP-7")
    look_at(network)
    comes_back(network, station, NOW + MINUTE)
    look_at(network, NOW + MINUTE)
    goes(network, station, NOW + MINUTE)
    look_at(network, NOW + HOUR)
    assert [alert.closed_at for alert in found()] == [NOW + MINUTE, None]


def test_many_stations_that_go_at_once_are_one_mail(network):
    rule(network, mail_to=["duty@example.org", "night@example.org"])
    for number in range(60):
        gone(network, f"CP-{number:02}")
    look_at(network)
    assert len(found()) == 60
    first, second = mails()
    assert {first.recipient, second.recipient} == {"duty@example.org", "night@example.org"}
    assert first.subject.endswith(" and 59 more")
    assert "and 10 more" in first.body


def test_a_look_that_was_overtaken_changes_nothing(network):
    made = rule(network)
    station = gone(network, "CP-7")
    old = Condition(AlertKind.STATION_OFFLINE, str(station.id), "…", NOW - HOUR, network.site.id)
    kinds = {AlertKind.STATION_OFFLINE}
    newer, older = Look([], kinds, NOW + MINUTE), Look([old], kinds, NOW)
    assert alerts.settle(network.db, network.tenant.id, [made], newer)
    assert not alerts.settle(network.db, network.tenant.id, [made], older)
    network.db.commit()
    assert not found()


def test_two_beats_at_once_open_one_alert_and_send_one_mail(any_app, network):
    rule(network)
    gone(network, "CP-7")
    beat(network, NOW)
    ready = Barrier(2)

    def look_too():
        with any_app.app_context():
            ready.wait(30)
            watch_tenant(tenant_id, NOW)

    tenant_id = network.tenant.id
    network.db.rollback()
    with ThreadPoolExecutor(2) as pool:
        for look in [pool.submit(look_too) for _ in range(2)]:
            look.result()
    assert len(found()) == 1
    assert len(mails()) == 1


def test_a_rule_for_a_site_replaces_the_general_one_there(network):
    other = Network(network.db, NOW, "Elsewhere")
    other.site.tenant_id = network.tenant.id
    rule(network, name="All", minutes=10)
    rule(network, name="Depot", minutes=120, site_ids=[network.site.id])
    here = gone(network, "CP-1")
    there = other.station("CP-2", online=False, disconnected_at=NOW - HOUR)
    there.tenant_id = network.tenant.id
    network.db.commit()
    look_at(network)
    assert [alert.station_id for alert in found()] == [there.id]
    look_at(network, NOW + 2 * HOUR)
    assert [alert.station_id for alert in found()] == [there.id, here.id]


@pytest.mark.parametrize("change", ["archive", "wait longer", "watch elsewhere"])
def test_what_is_no_longer_watched_is_closed_and_not_told_to_be_over(network, change):
    made, other = rule(network), Network(network.db, NOW, "Elsewhere")
    gone(network, "CP-7")
    look_at(network)
    if change == "archive":
        alert_rules.archive(network.db, SYSTEM, made, now=NOW)
    elif change == "wait longer":
        alert_rules.edit(network.db, SYSTEM, made, now=NOW, minutes=600)
    else:
        other.site.tenant_id = network.tenant.id
        alert_rules.edit(network.db, SYSTEM, made, now=NOW, site_ids=[other.site.id])
    network.db.commit()
    look_at(network, NOW + MINUTE)
    assert [alert.closed_at for alert in found()] == [NOW + MINUTE]
    assert [mail.subject for mail in mails()] == ["Alert: CP-7 is offline"]


def test_a_fault_goes_on_while_its_station_is_gone_and_begins_at_none_that_was(network):
    rule(network, AlertKind.CONNECTOR_FAULTED)
    station, broken = network.station("CP-7"), {"availability": "faulted", "since": NOW}
    _, plug = network.plug(gone(network, "CP-8"), **broken), network.plug(station, **broken)
    look_at(network)
    goes(network, station, NOW + MINUTE)
    look_at(network, NOW + 2 * MINUTE)
    comes_back(network, station, NOW + HOUR)
    look_at(network, NOW + HOUR)
    assert [alert.closed_at for alert in found()] == [None]
    network.db.merge(plug).availability = Availability.AVAILABLE
    network.db.commit()
    look_at(network, NOW + 2 * HOUR)
    assert [mail.subject.split(":")[0] for mail in mails()] == ["Alert", "Over"]


def test_of_more_than_can_be_looked_at_none_is_called_over(network, monkeypatch):
    rule(network)
    for number in range(3):
        gone(network, f"CP-{number}", NOW - HOUR - number * MINUTE)
    look_at(network)
    monkeypatch.setattr(conditions, "MOST", 3)
    gone(network, "CP-9", NOW - HOUR / 2)
    look_at(network, NOW + MINUTE)
    assert [alert.closed_at for alert in found()] == [None] * 4


def test_moments_of_which_there_are_ever_more_do_not_stay_open(network, monkeypatch):
    rule(network, AlertKind.SECURITY_EVENT)
    station = network.station("CP-7")
    monkeypatch.setattr(conditions, "MOST", 2)
    for minutes in range(3):
        at = NOW + minutes * MINUTE
        for _ in range(2):
            told = {"kind": SECURITY, "word": "TamperDetectionActivated", "received_at": at}
            network.add(StationReport(station_id=station.id, at=at, payload={}, **told))
        look_at(network, at)
    assert [alert.closed_at is None for alert in found()] == 4 * [False] + 2 * [True]
    assert {mail.subject.split(":")[0] for mail in mails()} == {"Alert"}


def test_two_rules_never_watch_the_same_place(network):
    rule(network, name="All")
    with pytest.raises(Taken):
        alert_rules.add(
            network.db, SYSTEM, network.tenant.id, now=NOW, kind="station_offline", name="Again"
        )
    site = rule(network, name="Depot", site_ids=[network.site.id])
    alert_rules.archive(network.db, SYSTEM, site, now=NOW)
    rule(network, name="Depot 2", site_ids=[network.site.id])
    with pytest.raises(Taken):
        alert_rules.restore(network.db, SYSTEM, site, now=NOW)


def test_nothing_is_known_of_stations_while_no_worker_answers(network):
    rule(network)
    rule(network, AlertKind.NO_WORKER)
    station = gone(network, "CP-7")
    look_at(network)
    comes_back(network, station, NOW)
    watch_tenant(network.tenant.id, NOW + HOUR)
    assert [(alert.kind.value, alert.closed_at) for alert in found()] == [
        ("station_offline", None),
        ("no_worker", None),
    ]
    look_at(network, NOW + 2 * HOUR)
    assert all(alert.closed_at for alert in found())


def test_mails_wait_for_the_end_of_the_quiet_hours(network):
    rule(network, quiet_from="22:00", quiet_until="10:30", timezone="Europe/Berlin")
    gone(network, "CP-7")
    look_at(network)
    assert len(found()) == 1
    assert not mails()
    look_at(network, NOW + 29 * MINUTE)
    assert not mails()
    look_at(network, NOW + 30 * MINUTE)
    look_at(network, NOW + 31 * MINUTE)
    assert [mail.subject for mail in mails()] == ["Alert: CP-7 is offline"]


def test_what_came_and_went_in_quiet_hours_is_no_mail(network):
    rule(network, quiet_from="08:00", quiet_until="12:00")
    station = gone(network, "CP-7")
    look_at(network)
    comes_back(network, station, NOW)
    look_at(network, NOW + MINUTE)
    look_at(network, NOW + 4 * HOUR)
    assert not mails()


def test_what_nobody_acknowledges_is_escalated_once(network):
    rule(network, escalate_after=30, escalate_to=["head@example.org"])
    gone(network, "CP-7")
    gone(network, "CP-8")
    look_at(network)
    alerts.acknowledge(network.db, ADA, network.db.get(Alert, found()[0].id), now=NOW)
    network.db.commit()
    for minutes in (29, 30, 31, 90):
        look_at(network, NOW + minutes * MINUTE)
    assert [(mail.recipient, mail.subject) for mail in mails()] == [
        ("duty@example.org", "Alert: CP-7 is offline and 1 more"),
        ("head@example.org", "Still not seen to: CP-8 is offline"),
    ]


def test_a_snoozed_alert_is_told_anew_if_it_still_is_so(network):
    rule(network)
    gone(network, "CP-7")
    look_at(network)
    (alert,) = found()
    alerts.change(network.db, ADA, alert, now=NOW, snoozed_until=NOW + HOUR)
    network.db.commit()
    look_at(network, NOW + 59 * MINUTE)
    assert len(mails()) == 1
    look_at(network, NOW + 61 * MINUTE)
    assert len(mails()) == 2


def test_whoever_sees_to_an_alert_is_named_and_audited(network):
    rule(network)
    gone(network, "CP-7")
    look_at(network)
    (alert,) = found()
    user = a_person(network)
    alerts.change(network.db, ADA, alert, now=NOW, assigned_to_id=user.id, note="At noon.")
    alerts.acknowledge(network.db, ADA, alert, now=NOW)
    alerts.acknowledge(network.db, Actor("Bob"), alert, now=NOW + MINUTE)
    network.db.commit()
    assert (alert.assigned_to.name, alert.acknowledged_by) == ("Ada", "Ada")
    actions = network.db.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions[-2:] == ["alert.edit", "alert.acknowledge"]
    user.role = Role.VIEWER
    with pytest.raises(Invalid):
        alerts.change(network.db, ADA, alert, now=NOW, assigned_to_id=user.id)
    with pytest.raises(NotFound):
        alerts.change(network.db, ADA, alert, now=NOW, assigned_to_id=999)


def test_what_is_over_cannot_be_put_off(network):
    made = rule(network)
    gone(network, "CP-7")
    look_at(network)
    alert_rules.archive(network.db, SYSTEM, made, now=NOW)
    look_at(network, NOW + MINUTE)
    (alert,) = found()
    assert alert.closed_at == NOW + MINUTE
    with pytest.raises(Conflict):
        alerts.change(network.db, ADA, alert, now=NOW, snoozed_until=NOW + HOUR)


def closed_by_hand(network, now):
    rule(network)
    station = gone(network, "CP-7")
    look_at(network)
    alerts.close(network.db, ADA, found()[0], now=now, note="In the winter store.")
    network.db.commit()
    return station


def test_what_a_person_has_closed_is_not_opened_again_while_it_goes_on(network):
    closed_by_hand(network, NOW + MINUTE)
    for minutes in (1, 2, 90):
        look_at(network, NOW + minutes * MINUTE)
    (alert,) = found()
    assert (alert.closed_at, alert.closed_by) == (NOW + MINUTE, "Ada")
    assert alert.note == "In the winter store."
    assert [mail.subject for mail in mails()] == ["Alert: CP-7 is offline"]
    with pytest.raises(Conflict):
        alerts.close(network.db, ADA, alert, now=NOW + HOUR)


def test_what_a_person_has_closed_opens_again_when_it_begins_anew(network):
    station = closed_by_hand(network, NOW + MINUTE)
    comes_back(network, station, NOW + 2 * MINUTE)
    look_at(network, NOW + 3 * MINUTE)
    goes(network, station, NOW + 4 * MINUTE)
    look_at(network, NOW + HOUR)
    assert [alert.closed_by for alert in found()] == ["Ada", None]
    assert found()[1].closed_at is None


def test_what_came_and_went_between_two_looks_begins_anew_as_well(network):
    station = closed_by_hand(network, NOW + MINUTE)
    goes(network, station, NOW + 2 * MINUTE)
    look_at(network, NOW + HOUR)
    assert [(alert.goes_on, alert.closed_at is None) for alert in found()] == [
        (False, False),
        (False, True),
    ]


def a_person(network, name="Ada"):
    address = f"{name.lower()}@example.org"
    return network.add(
        User(
            tenant_id=network.tenant.id, email=address, email_key=address,
            name=name, role=Role.OPERATOR, created_at=NOW,
        )
    )  # fmt: skip


def test_a_token_is_told_of_before_it_ends(network):
    rule(network, AlertKind.TOKEN_EXPIRING)
    user = a_person(network)
    for days in (14, 15, None):
        api_tokens.issue(network.db, SYSTEM, user, name=f"For {days}", now=NOW, days=days)
    network.db.commit()
    look_at(network, NOW + MINUTE)
    (alert,) = found()
    assert alert.what == "The API token For 14 of Ada ends on 2026-03-16"
    assert alert.began_at == NOW
    api_tokens.issue(network.db, SYSTEM, user, name="For 14", now=NOW, days=300)
    network.db.commit()
    look_at(network, NOW + HOUR)
    assert [(one.what.split()[4], one.closed_at) for one in found()] == [("14", NOW + HOUR)]
    look_at(network, NOW + 25 * HOUR)
    assert found()[1].what.startswith("The API token For 15")


def test_a_rule_says_how_many_days_before(network):
    rule(network, AlertKind.TOKEN_EXPIRING, days=3)
    api_tokens.issue(network.db, SYSTEM, a_person(network), name="Script", now=NOW, days=5)
    network.db.commit()
    look_at(network, NOW + 47 * HOUR)
    assert not found()
    look_at(network, NOW + 48 * HOUR)
    assert found()[0].began_at == NOW + 48 * HOUR


@pytest.mark.parametrize("sooner", ["by the rule itself", "by one for the site"])
def test_nobody_is_told_to_be_over_what_is_only_told_later(network, sooner):
    kind, ends_at = AlertKind.CERTIFICATE_EXPIRING, NOW + timedelta(days=20)
    made, station = rule(network, kind, days=30), network.station("CP-7")
    times = {"expires_at": ends_at, "created_at": NOW, "changed_at": NOW}
    network.add(StationCertificate(station_id=station.id, use="station", state="accepted", **times))
    look_at(network)
    if sooner == "by the rule itself":
        alert_rules.edit(network.db, SYSTEM, made, now=NOW, days=7)
    else:
        rule(network, kind, name="Depot", days=7, site_ids=[network.site.id])
    look_at(network, NOW + MINUTE)
    assert [alert.closed_at for alert in found()] == [NOW + MINUTE]
    look_at(network, ends_at - timedelta(days=7))
    assert [mail.subject.split(":")[0] for mail in mails()] == ["Alert", "Alert"]


def test_beat_finds_every_tenant(network):
    other = Network(network.db, NOW, "Theirs")
    now = datetime.now(UTC)
    for one in (network, other):
        rule(one)
        gone(one, f"CP-{one.tenant.id}", now - HOUR)
    beat(network, now)
    watch()
    watch()
    assert [alert.tenant_id for alert in found()] == [network.tenant.id, other.tenant.id]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "weather"}, "kind"),
        ({"quiet_from": "22:00"}, "quiet_until"),
        ({"quiet_from": "25:00", "quiet_until": "06:00"}, "quiet_from"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"mail_to": ["nobody"]}, "mail_to"),
        ({"escalate_after": 5}, "escalate_to"),
        ({"days": 5}, "days"),
        ({"site_ids": [999]}, "site_ids"),
        ({"kind": "no_worker", "site_ids": [1]}, "site_ids"),
        ({"name": ""}, "name"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(network, given, field):
    facts = {"name": "A rule", "kind": "station_offline", **given}
    with pytest.raises(Invalid) as refused:
        alert_rules.add(network.db, SYSTEM, network.tenant.id, now=NOW, **facts)
    assert refused.value.field == field
