"""Master pass groups (C16): their tags end any session where they are allowed, and begin none."""

import pytest
from sqlalchemy import select

from app.domain.access import tag_groups, tags
from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import SYSTEM, Order, StopReason
from app.domain.network import stations
from app.models import Authorisation, ChargingSession, Tag
from tests.support.dialogue import Dialogue
from worker.ocpp.fields import format_instant
from worker.ocpp.versions import Version


class Talk(Dialogue):
    """A station with a driver's card and a master pass."""

    def furnish(self) -> None:
        """Put both on the list."""
        given = {"tenant_id": self.station.tenant_id, "now": self.now}
        group = tag_groups.add(
            self.db, SYSTEM, name="Guards", parent="GUARDS", master_pass=True, **given
        )
        tags.add(self.db, SYSTEM, value="CARD", **given)
        tags.add(self.db, SYSTEM, value="MASTER", group_id=group.id, **given)

    def begins(self, card: str) -> str:
        """Begin a session; returns the word of its authorisation."""
        at = format_instant(self.now)
        if self.version is Version.V16:
            start = {"connectorId": 1, "idTag": card, "meterStart": 0, "timestamp": at}
            return str(self.says("StartTransaction", start)["idTagInfo"]["status"])
        return self.event("Started", 0, "Authorized", card)

    def ends(self, card: str, reason: str | None = None) -> str:
        """End it with a card; the station gives a reason or none."""
        if self.version is Version.V16:
            number = int(self.session().transaction_ref)
            stop = {"transactionId": number, "idTag": card, "meterStop": 9}
            told = {**stop, "timestamp": format_instant(self.now)}
            return str(self.says("StopTransaction", told)["idTagInfo"]["status"])
        return self.event("Ended", 1, "StopAuthorized", card, reason)

    def event(self, kind: str, number: int, why: str, card: str, reason: str | None = None) -> str:
        """Tell an event that shows a card."""
        event = {
            "eventType": kind,
            "seqNo": number,
            "triggerReason": why,
            "timestamp": format_instant(self.now),
            "transactionInfo": {
                "transactionId": "tx-1",
                **({"stoppedReason": reason} if reason else {}),
            },
            "evse": {"id": 1},
            "idToken": {"idToken": card, "type": "ISO14443"},
        }
        return str(self.says("TransactionEvent", event)["idTokenInfo"]["status"])

    def session(self) -> ChargingSession:
        """The one session."""
        return self.db.scalars(select(ChargingSession)).one()


@pytest.fixture(params=list(Version), ids=lambda version: version.value)
def talk(db, now, request):
    talk = Talk(db, now, request.param)
    talk.furnish()
    return talk


def test_a_master_pass_ends_the_session_of_another(talk):
    talk.begins("CARD")
    talk.later(minutes=20)
    assert talk.ends("MASTER") == "Accepted"
    session = talk.session()
    assert session.stop_reason is StopReason.MASTER_PASS
    assert "two_tags" not in session.flags
    newest = select(Authorisation).order_by(Authorisation.id.desc()).limit(1)
    row = talk.db.scalars(newest).one()
    assert (row.reason, row.sentence) == ("master_pass", "The master pass MASTER ended it.")


def test_a_station_that_says_so_itself_is_believed(db, now):
    talk = Talk(db, now, Version.V201)
    talk.furnish()
    talk.begins("CARD")
    talk.later(minutes=20)
    assert talk.ends("MASTER", "MasterPass") == "Accepted"
    assert talk.session().stop_reason is StopReason.MASTER_PASS


def test_a_master_pass_begins_nothing(talk):
    assert talk.begins("MASTER") == "Invalid"
    assert talk.session().unauthorised
    with pytest.raises(Conflict, match="it ends sessions and begins none"):
        talk.ask(Order.START_CHARGING, token="MASTER")


def test_an_ordinary_tag_of_another_group_ends_nobodys_session(talk):
    talk.begins("CARD")
    given = {"tenant_id": talk.station.tenant_id, "now": talk.now}
    tags.add(talk.db, SYSTEM, value="OTHER", **given)
    talk.later(minutes=20)
    assert talk.ends("OTHER") == "Invalid"
    assert talk.session().stop_reason is StopReason.LOCAL


def test_a_master_pass_ends_nothing_where_it_is_not_allowed(talk):
    master = talk.db.scalars(select(Tag).where(Tag.value == "MASTER")).one()
    station, tenant_id = talk.station, talk.station.tenant_id
    other, _ = stations.register(talk.db, SYSTEM, tenant_id, station.site, "CP-9", now=talk.now)
    master.stations = [other]
    talk.db.flush()
    talk.begins("CARD")
    talk.later(minutes=20)
    assert talk.ends("MASTER") == "Invalid"


def test_a_tap_of_a_master_pass_is_accepted_with_its_group(db, now):
    """By that group a 2.x station knows it (MasterPassGroupId), and lets it begin nothing."""
    talk = Talk(db, now, Version.V16)
    talk.furnish()
    info = talk.says("Authorize", {"idTag": "MASTER"})["idTagInfo"]
    assert info == {"status": "Accepted", "parentIdTag": "GUARDS"}
