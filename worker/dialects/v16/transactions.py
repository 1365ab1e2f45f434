"""Readings, statuses and charging sessions (OCPP 1.6 sections 4.7 to 4.10, 5.11 and 5.12)."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from app.domain.access.authorisation import START, Tap
from app.domain.charging import metering, sessions, statuses
from app.domain.charging.energy import to_base_unit
from app.domain.charging.metering import Metered
from app.domain.charging.statuses import StatusTold
from app.domain.ground.vocabulary import (
    Arguments,
    ConnectorRef,
    Decision,
    Order,
    Sample,
    StatusReport,
    StopReason,
    Token,
)
from worker.dialects.context import Context, Payload
from worker.dialects.metering import REGISTER, number_of, reports_of, routes, sample_of, sampled
from worker.dialects.records import Encoding, Fact, Long, Route, nothing
from worker.dialects.shared import was_let_in
from worker.dialects.v16 import access, profiles, words
from worker.ocpp.fields import Fields


def meter_values(call: Fields, ctx: Context) -> Metered:
    """Read a MeterValues; what holds no value is left out and answered all the same (FIELD M4)."""
    return Metered(
        ctx.station_id,
        ctx.plug(call),
        transaction_ref(call),
        tuple(reports_of(call, "meterValue", ctx, _samples)),
    )


def _samples(value: Fields, ctx: Context) -> Iterator[Sample]:
    """The sampled values, with the defaults of section 7.42 and units in base form."""
    for item in sampled(value):
        yield _sample(item, ctx)


def _sample(item: Payload, ctx: Context) -> Sample:
    measurand = str(item.get("measurand") or REGISTER)
    text, number, unit = item.get("value"), None, str(item.get("unit") or "")
    signed = item.get("format") == "SignedData"
    if ctx.quirks and measurand.startswith("Energy."):
        unit = str(ctx.quirks.get("energy_unit_override") or unit)
    if not signed:
        number, text, unit = number_of(text, unit, ctx)
    if number is not None:
        based, unit = to_base_unit(number, unit, measurand)
        if measurand.startswith("Energy."):
            number, text = ctx.energy(number, based, text, unit, measurand)
        else:
            number = based
    text = text if isinstance(text, str) else str(text)
    return sample_of(item, measurand, number, unit, text, signed)


# Statuses of connectors (OCPP 1.6 section 4.9).


def _status(call: Fields, ctx: Context) -> StatusTold:
    """Read a connector's status; what connector 0 may not say changes nothing (FIELD S1)."""
    number = ctx.plug(call)
    word = words.match(call.text("status"), words.STATUSES)
    if word is None or (number == 0 and word not in words.STATION_STATUSES):
        ctx.deviate("illegal_status", f"{number}: {call.raw('status')}")
        return StatusTold(ctx.station, None, ctx.now)
    availability, activity = words.STATUSES[word]
    at, _ = ctx.instant(call, "timestamp", live=True)
    error = call.text("errorCode")
    report = StatusReport(
        connector=ConnectorRef(number),
        availability=availability,
        activity=activity,
        word=word,
        at=at,
        error_code=None if error in (None, "NoError") else error[:60],
        vendor_error=_cut(call.text("vendorErrorCode")),
        info=_cut(call.text("info")),
    )
    return StatusTold(ctx.station, report, ctx.now)


def _cut(text: str | None) -> str | None:
    return None if text is None or text.casefold() == "null" else text[:120]


status_notification = Fact(_status, statuses.status_all, nothing)


# Charging sessions (OCPP 1.6 sections 4.8 and 4.10).

#: Transaction ids that stand for "I never got one" (1.6 errata 3.18 and FIELD X4).
_LARGEST = 2**31 - 1


def _start(call: Fields, ctx: Context) -> sessions.Starting:
    """Read the start of a charging session.

    The tag is decided about again: it may have been let in offline.  A refused
    tag still gets a transaction id, because the energy may be real (FIELD X14); so
    does a start without a register, which the readings tell.
    """
    meter_start = _wh(call, "meterStart", ctx)
    if meter_start is None:
        ctx.deviate("no_register", call.raw("meterStart"))
    started_at, replaced = ctx.instant(call, "timestamp", live=True)
    told = ctx.told or {}
    start = sessions.Start(
        connector=ConnectorRef(ctx.plug(call)),
        token=Token(call.text("idTag", "")),
        meter_start_wh=meter_start,
        started_at=started_at,
        raw_time=str(ctx.told_time(call, "timestamp")),
        clock_replaced=replaced,
        claimed_at=ctx.claimed(call, "timestamp", started_at),
        reservation_id=call.integer("reservationId"),
        promised_ref=str(told["transactionId"]) if told else None,
        let_in=bool(was_let_in(ctx, "idTagInfo")),
    )
    return sessions.Starting(ctx.station, start, ctx.now)


def _start_from_memory(call: Fields, ctx: Context) -> Payload | None:
    """The answer by what was known last, with a transaction id that no other session gets.

    None where nobody knows the tag: any word about it would be kept by the station.
    """
    decision = ctx.memory.decide(Tap(ctx.station, Token(call.text("idTag", "")), START, ctx.now))
    number = ctx.memory.transaction_ref() if decision is not None else None
    if decision is None or number is None:
        return None
    return {"transactionId": number, "idTagInfo": access.id_tag_info(decision)}


def _begun(begun: sessions.Begun, ctx: Context) -> Payload:
    ctx.session_id = begun.session.id
    return {
        "transactionId": words.transaction_id(str(begun.session.transaction_ref)),
        "idTagInfo": access.id_tag_info(begun.decision),
    }


start_transaction = Fact(_start, sessions.begin_all, _begun)


def _stopping(call: Fields, ctx: Context) -> sessions.Stopping:
    """Read the end of a charging session.

    Doubts about the contents must not keep us from answering: an unanswered
    stop is sent again, for ever.  `sessions.end_all` keeps what it cannot match.
    """
    stop = _stop(call, ctx)
    readings = _readings(call, ctx, stop.transaction_ref)
    return sessions.Stopping(ctx.station, stop, ctx.now, readings)


def _ended(ended: tuple[Any, Decision | None], ctx: Context) -> Payload:
    """An idTagInfo only answers a tag (section 4.10)."""
    session, decision = ended
    ctx.session_id = session.id if session else None
    return {} if decision is None else {"idTagInfo": access.id_tag_info(decision)}


stop_transaction = Fact(_stopping, sessions.end_all, _ended)


def _stop(call: Fields, ctx: Context) -> sessions.Stop:
    ended_at, replaced = ctx.instant(call, "timestamp", live=True)
    reference = transaction_ref(call)
    if reference is None:
        ctx.deviate("sentinel_transaction", call.raw("transactionId"))
    token = call.text("idTag")
    given = call.text("reason")
    word = words.match(given, words.STOP_REASONS) or given
    return sessions.Stop(
        transaction_ref=reference,
        meter_stop_wh=_wh(call, "meterStop", ctx),
        ended_at=ended_at,
        reason=words.STOP_REASONS.get(word or "Local", StopReason.OTHER),
        word=word[:40] if word else None,
        token=Token(token) if token else None,
        payload=dict(call.payload),
        clock_replaced=replaced,
        claimed_at=ctx.claimed(call, "timestamp", ended_at),
        raw_time=ctx.told_time(call, "timestamp"),
    )


def transaction_ref(call: Fields) -> str | None:
    """The transaction id as text; None for sentinels and what is no transaction id of ours."""
    number = call.integer("transactionId")
    return str(number) if number is not None and 0 < number <= _LARGEST else None


def _readings(call: Fields, ctx: Context, reference: str | None) -> Metered | None:
    found = tuple(reports_of(call, "transactionData", ctx, _samples))
    return Metered(ctx.station_id, 0, reference, found) if found else None


def readings_ahead(call: Fields, ctx: Context) -> bool:
    """Store some of a stop's readings before it ends the session; the clock is judged once."""
    if ctx.shift is None:
        ctx.instant(call, "timestamp", live=True)
    item = _readings(call, ctx, transaction_ref(call))
    if item is not None:
        metering.store(ctx.db, [item], now=ctx.now)
    return True


def _wh(call: Fields, name: str, ctx: Context) -> Decimal | None:
    """meterStart and meterStop are in Wh, unless the station is known to send kWh (FIELD M1)."""
    told, unit = call.raw(name), str(ctx.quirks.get("energy_unit_override") or "")
    if told is None:
        return None
    register, told, unit = number_of(told, unit, ctx)
    if register is None:
        return None
    based, unit = to_base_unit(register, unit)
    return ctx.energy(register, based, told, unit, REGISTER)[0]


# Remote start and stop (OCPP 1.6 sections 5.11 and 5.12).


def _remote_start(arguments: Arguments) -> Payload:
    payload: Payload = {}
    if arguments.get("connector"):
        payload["connectorId"] = arguments["connector"]
    payload["idTag"] = str(arguments["token"])[:20]
    if arguments.get("profile"):
        payload["chargingProfile"] = profiles.written(
            arguments["number"], arguments["profile"], None
        )
    return payload


ROUTES: dict[str, Route] = {
    **routes(meter_values, status_notification),
    "StartTransaction": Route(
        start_transaction, money=True, without_storage=_start_from_memory, spooled=True
    ),
    "StopTransaction": Route(
        stop_transaction,
        Long("transactionData", samples="sampledValue", ahead=readings_ahead),
        money=True,
        spooled=True,
    ),
}


ORDERS: dict[Order, Encoding] = {
    Order.START_CHARGING: Encoding("RemoteStartTransaction", _remote_start),
    Order.STOP_CHARGING: Encoding(
        "RemoteStopTransaction",
        lambda given: {"transactionId": words.transaction_id(given["transaction_ref"])},
    ),
}
