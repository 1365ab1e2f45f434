"""Reservations and local lists with real clients of every version, over a running worker."""

from datetime import UTC, datetime
from typing import Any

import pytest
from ocpp.routing import on
from ocpp.v16 import call_result as result_16
from ocpp.v201 import call_result as result_201
from sqlalchemy import select

from app.domain.access import tags
from app.domain.commands import commands
from app.domain.ground.vocabulary import OPEN_STATES, SYSTEM, CommandState, Order, ReservationState
from app.domain.network import tenants
from app.models import Command, LocalList, Reservation, Station
from tests.support.charge_point import ChargePoint, Client
from tests.support.charge_point_2x import ChargePoint21, ChargePoint201, Client21, Client201
from tests.support.depot import TAG, furnish
from tests.support.wait import eventually

pytestmark = pytest.mark.processes


class Memory(list[Any]):
    """What a charger was asked, its reservation and its list; it outlives connections."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[int, str] = {}
        self.version = 0
        self.known: dict[str, Any] = {}


class Keeping16(Client):
    """A charger of 1.6 that keeps reservations and a list, as the specification says."""

    @on("ReserveNow")
    def on_reserve(self, **asked: Any) -> Any:
        self.asked.kept[asked["reservation_id"]] = asked["id_tag"]  # type: ignore[attr-defined]
        return result_16.ReserveNow(status="Accepted")  # type: ignore[arg-type]

    @on("CancelReservation")
    def on_cancel(self, **asked: Any) -> Any:
        known = self.asked.kept.pop(asked["reservation_id"], None)  # type: ignore[attr-defined]
        return result_16.CancelReservation(
            status="Accepted" if known else "Rejected"  # type: ignore[arg-type]
        )

    @on("SendLocalList")
    def on_list(self, **asked: Any) -> Any:
        rows = asked.get("local_authorization_list") or []
        told = {row["id_tag"]: row.get("id_tag_info") for row in rows}
        take(self.asked, asked["update_type"], asked["list_version"], told)
        return result_16.SendLocalList(status="Accepted")  # type: ignore[arg-type]

    @on("GetLocalListVersion")
    def on_version(self, **asked: Any) -> Any:
        return result_16.GetLocalListVersion(list_version=self.asked.version)  # type: ignore[attr-defined]


class Keeping2x:
    """What chargers of 2.0.1 and 2.1 do in the same case."""

    asked: Memory

    @on("ReserveNow")
    def on_reserve(self, **asked: Any) -> Any:
        self.asked.kept[asked["id"]] = asked["id_token"]["id_token"]
        return result_201.ReserveNow(status="Accepted")  # type: ignore[arg-type]

    @on("CancelReservation")
    def on_cancel(self, **asked: Any) -> Any:
        known = self.asked.kept.pop(asked["reservation_id"], None)
        return result_201.CancelReservation(
            status="Accepted" if known else "Rejected"  # type: ignore[arg-type]
        )

    @on("SendLocalList")
    def on_list(self, **asked: Any) -> Any:
        rows = asked.get("local_authorization_list") or []
        told = {row["id_token"]["id_token"]: row.get("id_token_info") for row in rows}
        take(self.asked, asked["update_type"], asked["version_number"], told)
        return result_201.SendLocalList(status="Accepted")  # type: ignore[arg-type]

    @on("GetLocalListVersion")
    def on_version(self, **asked: Any) -> Any:
        return result_201.GetLocalListVersion(version_number=self.asked.version)


class Keeping201(Keeping2x, Client201):  # type: ignore[misc]
    pass


class Keeping21(Keeping2x, Client21):  # type: ignore[misc]
    pass


def take(memory: Any, kind: str, version: int, told: dict[str, Any]) -> None:
    """Do with a list what the specification asks for."""
    if kind == "Full":
        memory.known.clear()
    for token, info in told.items():
        if info is None:
            memory.known.pop(token, None)
        else:
            memory.known[token] = info
    memory.version = version


CHARGERS = {"1.6": (ChargePoint, Keeping16), "2.0.1": (ChargePoint201, Keeping201)}
CHARGERS["2.1"] = (ChargePoint21, Keeping21)


@pytest.fixture(params=["1.6", pytest.param("2.0.1", marks=pytest.mark.landing), "2.1"])
def charger(request, make_site):
    site = make_site(processes=("worker",))
    depot = furnish(site)
    kind, client = CHARGERS[request.param]
    charger = kind(site.charger_url, *depot.stations[0])
    charger.client, charger.asked, charger.site = client, Memory(), site
    charger.connect()
    charger.boot()
    yield charger
    charger.close()


def settled(charger, order, **given):
    """Give an order and wait for its end."""
    now = datetime.now(UTC)
    with charger.site.work() as db:
        station = db.scalar(select(Station).where(Station.identity == charger.identity))
        number = commands.queue(db, SYSTEM, station, order, given, now=now, ttl_s=60).id

    def ended():
        with charger.site.read() as db:
            row = db.get(Command, number)
            return None if row.state in OPEN_STATES else (row.state, row.sentence)

    return eventually(ended, what="the command ends")


def read(charger, model):
    with charger.site.read() as db:
        return db.scalars(select(model).order_by(model.id.desc()).limit(1)).one()


def test_a_plug_is_kept_let_go_kept_again_and_used(charger):
    wish = {"connector": 1, "token": TAG, "minutes": 30}
    assert settled(charger, Order.RESERVE, **wish)[0] is CommandState.ACCEPTED
    first = read(charger, Reservation)
    assert charger.asked.kept == {first.id: TAG}
    assert first.state is ReservationState.ACTIVE
    settled(charger, Order.CANCEL_RESERVATION, reservation_id=first.id)
    assert charger.asked.kept == {}
    assert read(charger, Reservation).state is ReservationState.CANCELLED
    settled(charger, Order.RESERVE, **wish)
    charger.start(TAG, 100, datetime.now(UTC))
    second = read(charger, Reservation)
    assert second.id > first.id
    assert (second.state, second.session_id is not None) == (ReservationState.USED, True)


def test_a_reservation_that_the_charger_lost_is_gone_here_too(charger):
    settled(charger, Order.RESERVE, connector=1, token=TAG, minutes=30)
    charger.asked.kept.clear()
    row = read(charger, Reservation)
    state, _ = settled(charger, Order.CANCEL_RESERVATION, reservation_id=row.id)
    assert state is CommandState.REJECTED
    assert read(charger, Reservation).state is ReservationState.REMOVED


def test_a_list_reaches_the_charger_and_is_kept_in_step(charger):
    state, _ = settled(charger, Order.SEND_LOCAL_LIST)
    assert state is CommandState.ACCEPTED
    assert (list(charger.asked.known), charger.asked.version) == ([TAG], 1)
    now = datetime.now(UTC)
    with charger.site.work() as db:
        tenant = tenants.first(db, now=now)
        tags.add(db, SYSTEM, tenant.id, now=now, value="FFEE01")
        tags.archive(db, SYSTEM, tags.named(db, tenant.id, TAG), now=now)
    settled(charger, Order.SEND_LOCAL_LIST)
    assert (list(charger.asked.known), charger.asked.version) == (["FFEE01"], 2)
    charger.asked.version = 9
    _, sentence = settled(charger, Order.READ_LOCAL_LIST_VERSION)
    assert sentence == "The charger holds version 9 of its list."
    assert read(charger, LocalList).full_next
    settled(charger, Order.SEND_LOCAL_LIST)
    assert charger.asked.version == 10
