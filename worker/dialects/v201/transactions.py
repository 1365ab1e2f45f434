"""Transactions: their events, remote start and stop, cost (OCPP 2.0.1 blocks E, F and I)."""

from collections.abc import Sequence
from typing import Any

from app.domain.access.authorisation import START, Tap
from app.domain.charging import sessions
from app.domain.charging.sessions import TransactionReport
from app.domain.ground.vocabulary import (
    Arguments,
    CommandState,
    ConnectorRef,
    Facts,
    Json,
    Order,
    Outcome,
    StopReason,
)
from app.domain.money import settlements
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Fact, Long, Route, accepted, without_blanks
from worker.dialects.shared import Words, keep, was_let_in
from worker.dialects.v201 import access, charging_profile, words
from worker.dialects.v201.access import id_token_info, read_token
from worker.dialects.v201.charging_profile import WORDS
from worker.dialects.v201.metering import reports_of
from worker.ocpp.fields import APART, Fields

#: Further things an event tells, and of its transaction, that are kept: our word -> member.
FACTS: dict[str, str] = {"phases": "numberOfPhasesUsed", "cable_a": "cableMaxCurrent"}
OF_TRANSACTION: dict[str, str] = {"charging_s": "timeSpentCharging"}
_ABOUT = "transactionInfo"
#: The contexts of readings at the begin and the end; so many of them are looked at.
_OF_ENDS = ("Transaction.Begin", "Transaction.End")
_MOST_ENDS = 20


def event_of(call: Fields, ctx: Context) -> sessions.Told | None:
    """Read one event of a transaction."""
    return told_of(call, ctx, FACTS, OF_TRANSACTION)


def told_of(
    call: Fields, ctx: Context, facts: dict[str, str], more: dict[str, str]
) -> sessions.Told | None:
    """Read an event; `facts` and `more` as in the tables above."""
    report = report_of(call, ctx, _facts(call, facts) | _facts(call.child(_ABOUT), more))
    if report is None:
        ctx.deviate("event_without_transaction", call.raw("eventType"))
        keep(call, ctx, "transaction_event", "eventType")
        if unnamed := _report(call, ctx, {}, _reference(call) or ""):
            sessions.keep_unnamed(ctx.db, ctx.station, unnamed, now=ctx.now)
        return None
    return sessions.Told(ctx.station, report, ctx.now)


def take_all(db: Any, told: Sequence[sessions.Told | None]) -> list[sessions.Taken | None]:
    """Take events in; those that are of no transaction were kept as they are."""
    taken = iter(sessions.take_all(db, [one for one in told if one is not None]))
    return [None if one is None else next(taken) for one in told]


def answer(taken: sessions.Taken | None, ctx: Context) -> Payload:
    """Say what is to be said of an event; every one is answered (J02.FR.19)."""
    if taken is None:
        return {}
    ctx.session_id = taken.session.id
    told: Payload = {}
    if taken.cost is not None:
        told["totalCost"] = float(taken.cost)
    if taken.decision is not None:
        told["idTokenInfo"] = id_token_info(taken.decision)
    return told


def from_memory(call: Fields, ctx: Context) -> Payload:
    """The answer by what was known last; a tag that nobody knows is not spoken of."""
    token = read_token(call.child("idToken"))
    ends = call.text("eventType") == "Ended" or call.text("triggerReason") == "StopAuthorized"
    if token is None or ends:
        return {}
    decision = ctx.memory.decide(Tap(ctx.station, token, START, ctx.now))
    return {} if decision is None else {"idTokenInfo": id_token_info(decision)}


def wants_cost(taken: sessions.Taken | None) -> bool:
    """Whether a cost is to be found out before an event is answered."""
    return taken is not None and settlements.wants_cost(taken)


transaction_event = Fact(event_of, take_all, answer, wants_cost, settlements.tell_all)


def readings_ahead(call: Fields, ctx: Context) -> bool:
    """Store some of an event's readings where its transaction is known; False where it is not.

    Only an end waits for them: what it makes due is counted from what is stored by then.
    """
    report = report_of(call, ctx, {})
    if report is None:
        return True
    return sessions.take_readings(ctx.db, ctx.station, report, now=ctx.now)


def ends_of(values: list[Any]) -> list[Any]:
    """The readings without which an event is not whole: those of the ends, and the latest."""
    usable = [value for value in values if isinstance(value, dict)]
    found = [value for value in usable if _is_of_an_end(value)][:_MOST_ENDS]
    latest = max(usable, key=lambda value: str(value.get("timestamp")), default=None)
    return found if latest is None or latest in found else [*found, latest]


def _is_of_an_end(value: Payload) -> bool:
    samples = value.get("sampledValue")
    return any(
        isinstance(sample, dict) and str(sample.get("context")).startswith(_OF_ENDS)
        for sample in (samples if isinstance(samples, list) else ())
    )


def _facts(given: Fields, names: dict[str, str]) -> Json:
    told = given.payload
    return {name: told[member] for name, member in names.items() if told.get(member) is not None}


def report_of(call: Fields, ctx: Context, facts: Json) -> TransactionReport | None:
    """Read an event; None where it names no transaction, or two, or is none of the three kinds."""
    reference = _reference(call)
    return None if reference is None or APART in reference else _report(call, ctx, facts, reference)


def _reference(call: Fields) -> str | None:
    return call.child(_ABOUT).text("transactionId")


def _report(call: Fields, ctx: Context, facts: Json, reference: str) -> TransactionReport | None:
    kind = words.match(call.text("eventType"), words.EVENTS)
    if kind is None:
        return None
    offline = call.boolean("offline", False)
    at, replaced = ctx.instant(call, "timestamp", live=not offline)
    return TransactionReport(
        transaction_ref=reference[:64],
        kind=kind,
        seq_no=_seq_no(call, ctx),
        at=at,
        raw_time=None if (said := call.raw("timestamp")) is None else str(said),
        payload=dict(call.payload),
        clock_replaced=replaced,
        claimed_at=ctx.claimed(call, "timestamp", at),
        offline=offline,
        connector=_place(call, ctx),
        token=read_token(call.child("idToken")),
        meters=tuple(reports_of(call, "meterValue", ctx)),
        facts=facts,
        let_in=bool(was_let_in(ctx, "idTokenInfo")),
        **_about(call, call.child(_ABOUT)),
    )


def _about(call: Fields, about: Fields) -> Json:
    """What an event tells of its transaction."""
    word = about.text("stoppedReason")
    trigger = call.text("triggerReason", "")
    if word is not None:
        reason = words.match(word, words.STOP_REASONS) or StopReason.OTHER
    elif call.text("eventType", "").casefold() == "ended":
        # A missing word stands for a stop at the station (E06.FR.09), its trigger may know better.
        reason = StopReason.REMOTE if trigger == "RemoteStop" else StopReason.LOCAL
    else:
        reason = None
    return {
        "trigger": words.TRIGGERS.get(trigger, trigger),
        "activity": words.match(about.text("chargingState"), words.ACTIVITIES),
        "reason": reason,
        "word": word[:40] if word else None,
        "remote_start_id": about.integer("remoteStartId"),
        "reservation_id": call.integer("reservationId"),
    }


def _place(call: Fields, ctx: Context) -> ConnectorRef | None:
    place = call.child("evse")
    if not place.payload:
        return None
    return ConnectorRef(ctx.plug(place, "id"), ctx.plug(place, "connectorId", 1) or 1)


def _seq_no(call: Fields, ctx: Context) -> int:
    found = call.integer("seqNo")
    if found is None or not 0 <= found < 2**31:
        ctx.deviate("no_sequence_number", call.raw("seqNo"))
        return 0
    return found


# Remote start and stop, transactions, cost (OCPP 2.0.1 F01 to F04, E14, I02).


def start_as(kinds: dict[str, str], longest: int, words: Words = WORDS) -> Encoding:
    """The remote start with the tokens and profiles that a version knows."""

    def encode(arguments: Arguments) -> Payload:
        kind = arguments.get("token_kind", "id_tag")
        payload: Payload = {
            "remoteStartId": arguments["remote_start_id"],
            "idToken": access.id_token(arguments["token"], kind, kinds, longest),
        }
        if arguments.get("connector"):
            payload["evseId"] = arguments["connector"]
        if arguments.get("group_token"):
            payload["groupIdToken"] = access.group_id_token(arguments["group_token"])
        if profile := arguments.get("profile"):
            given = (arguments["number"], profile, None)
            payload["chargingProfile"] = charging_profile.written(*given, words)
        return payload

    return Encoding("RequestStartTransaction", encode, facts=_started)


def _started(answer: Payload, arguments: Arguments) -> Facts:
    """The transaction that runs already, where the station names one (F01.FR.13)."""
    del arguments
    reference: Any = answer.get("transactionId")
    return {"transaction_ref": str(reference)} if reference else {}


def _status(answer: Payload, arguments: Arguments) -> Outcome:
    """Read how a transaction stands; without one asked for there is only what waits (E14)."""
    waiting = bool(answer.get("messagesInQueue"))
    ongoing = answer.get("ongoingIndicator")
    facts: Facts = {"messages_waiting": waiting}
    words = "Messages about it wait at the charger." if waiting else "No messages wait."
    if ongoing is not None and arguments.get("transaction_ref"):
        facts["ongoing"] = bool(ongoing)
        words = f"It is {'going on' if ongoing else 'over'}. {words}"
    return Outcome(CommandState.ACCEPTED, answer, words, facts)


ROUTES: dict[str, Route] = {
    "TransactionEvent": Route(
        transaction_event,
        Long("meterValue", samples="sampledValue", ahead=readings_ahead, kept=ends_of),
        money=True,
        without_storage=from_memory,
        spooled=True,
    )
}

ORDERS: dict[Order, Encoding] = {
    Order.START_CHARGING: start_as(access.KINDS, access.LONGEST),
    Order.STOP_CHARGING: Encoding(
        "RequestStopTransaction", lambda given: {"transactionId": given["transaction_ref"]}
    ),
    Order.READ_TRANSACTION_STATUS: Encoding(
        "GetTransactionStatus",
        lambda given: without_blanks({"transactionId": given.get("transaction_ref")}),
        decode=_status,
    ),
    Order.SEND_COST: Encoding(
        "CostUpdated",
        lambda given: {
            "totalCost": float(given["total_cost"]),
            "transactionId": given["transaction_ref"],
        },
        decode=lambda answer, given: accepted(answer, "The charger knows the cost so far."),
    ),
}
