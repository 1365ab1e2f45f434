"""Broadcasts on the desk: chosen by filter, begun, followed station by station, cancelled."""

import pytest
from sqlalchemy import select

from app.domain.commands import broadcasts, commands
from app.domain.commands.orders.catalogue import FOR_MANY
from app.domain.commands.orders.spec import SPECS
from app.domain.ground.vocabulary import BroadcastState, CommandState, Order, Outcome
from app.models import Broadcast, BroadcastTarget, Command, Station
from tests.support import lone
from tests.support.online import made, now

__all__ = ["made", "now"]


CLEAR = {"order": "clear_cache", "at_once": "2", "stop_percent": ""}


def begin(operator, db, filters="", **given):
    answer = operator.post(f"/broadcasts{filters}", data={**CLEAR, **given})
    db.expire_all()
    return answer


def test_the_stations_of_a_filter_are_named_before_anything_is_sent(made, operator):
    text = operator.get("/broadcasts/new?order=reset&q=CP-03").text
    assert "Send to 1 station" in text
    assert ">CP-03</a>" in text
    assert 'name="kind"' in text
    assert "It goes to 1 station." in text, "a restart asks first"


def test_without_an_order_it_is_chosen_first(made, operator):
    text = operator.get("/broadcasts/new").text
    assert 'value="clear_cache"' in text
    assert 'value="stop_charging"' not in text, "one session is for one station"
    assert 'name="at_once"' not in text


def test_it_goes_to_those_that_the_filter_finds(db, made, operator):
    answer = begin(operator, db, "?q=CP-0")
    broadcast = db.scalars(select(Broadcast)).one()
    assert answer.status_code == 303
    assert answer.location == f"/broadcasts/{broadcast.id}"
    assert (broadcast.at_once, broadcast.stop_percent) == (2, None)
    assert broadcast.requested_by == "Otto Olsen"
    went = set(
        db.scalars(
            select(Station.identity).join(BroadcastTarget, BroadcastTarget.station_id == Station.id)
        )
    )
    assert "CP-03" in went
    assert "CP-06" not in went, "it is offline"


def test_every_station_stands_there_with_its_result_and_latency(db, made, operator, now):
    begin(operator, db, "?q=CP-03")
    broadcast = db.scalars(select(Broadcast)).one()
    command = db.scalars(select(Command).order_by(Command.id.desc())).first()
    lone.claim(db, command.id, "worker-a", now=now)
    said = Outcome(CommandState.REJECTED, {"status": "Rejected"}, "The charger answered Rejected.")
    commands.settle(db, command, said, now=now, latency_ms=84.0)
    broadcasts.go_on(db, broadcast.id, now)
    db.commit()
    text = operator.get(f"/broadcasts/{broadcast.id}").text
    assert "The charger answered Rejected." in text
    assert "84" in text
    assert f'href="/commands/{command.id}"' in text
    assert "Ask the other 1 again" in text
    csv = operator.get(f"/broadcasts/{broadcast.id}?format=csv").text
    assert "CP-03" in csv
    listed = operator.get("/broadcasts").text
    assert "Clear the tag cache" in listed


def test_it_is_cancelled_and_repeated(db, made, operator):
    begin(operator, db, at_once="1")
    broadcast = db.scalars(select(Broadcast)).one()
    assert operator.post(f"/broadcasts/{broadcast.id}/cancel").status_code == 303
    db.expire_all()
    assert broadcast.state is BroadcastState.CANCELLED
    again = operator.post(f"/broadcasts/{broadcast.id}/retry")
    assert again.location == f"/broadcasts/{broadcast.id + 1}"


def test_what_cannot_be_given_is_said_beside_its_field(db, made, operator):
    answer = begin(operator, db, order="reset")
    assert answer.status_code == 422
    assert 'id="reset-kind-error"' in answer.text
    assert begin(operator, db, at_once="0").status_code == 422
    nobody = begin(operator, db, "?q=nowhere")
    assert nobody.status_code == 422
    assert db.query(Broadcast).count() == 0


def test_a_viewer_looks_and_gives_none(db, made, operator, viewer):
    begin(operator, db, "?q=CP-03")
    number = db.scalar(select(Broadcast.id))
    assert viewer.get(f"/broadcasts/{number}").status_code == 200
    assert viewer.get("/broadcasts/new").status_code == 403
    for path in ("", f"/{number}/cancel", f"/{number}/retry"):
        assert viewer.post(f"/broadcasts{path}", data=CLEAR).status_code == 403


@pytest.mark.landing
def test_every_order_for_many_has_a_form(made, operator):
    for order in FOR_MANY:
        assert operator.get(f"/broadcasts/new?order={order.value}").status_code == 200, order


@pytest.mark.parametrize(
    ("count", "question"),
    [
        (1, "Restart 1 station? Its running sessions will end."),
        (6, "Restart 6 stations? Their running sessions will end."),
    ],
)
def test_what_is_asked_before_fits_how_many_stations_there_are(count, question):
    assert SPECS[Order.RESET].question_to_many(count) == question
