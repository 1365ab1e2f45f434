"""Tokens, taps, local lists and reservations (OCPP 2.0.1 blocks C, D and H)."""

from datetime import datetime
from typing import Any

from app.domain.access import authorisation, reservations
from app.domain.access.authorisation import AUTHORIZE, Tap, decide_all
from app.domain.ground.vocabulary import Arguments, Decision, Facts, Json, Order, Token, token_kind
from app.domain.trust import x509
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Fact, Outside, Route, Unfit
from worker.dialects.shared import VERDICTS, keep, read_hash_data, was_let_in, wire_time
from worker.dialects.v16.access import CANCEL, REFUSALS, SENTENCES, STATUSES, UPDATES, version_from
from worker.dialects.v201 import words
from worker.ocpp.fields import Fields, format_instant

#: The kinds of tokens by the domain's word; a card whose kind nobody said is a plain RFID card.
KINDS: dict[str, str] = {
    "id_tag": "ISO14443",
    "central": "Central",
    "emaid": "eMAID",
    "iso14443": "ISO14443",
    "iso15693": "ISO15693",
    "key_code": "KeyCode",
    "local": "Local",
    "mac_address": "MacAddress",
}
LONGEST = 36


def id_token(
    value: str, kind: str, kinds: dict[str, str] = KINDS, longest: int = LONGEST
) -> Payload:
    """Spell a token; raises `Unfit` for one that the version cannot carry."""
    if len(value) > longest:
        raise Unfit(f"The tag {value[:40]} is longer than the {longest} characters that fit.")
    if kind not in kinds:
        raise Unfit(f"This version of OCPP knows no token of the kind {kind.replace('_', ' ')}.")
    return {"idToken": value, "type": kinds[kind]}


def group_id_token(parent: str) -> Payload:
    """Spell the token of a group, which only we know."""
    return {"idToken": parent, "type": "Central"}


# Taps (OCPP 2.0.1 block C), how a token is read, and how a decision is spelled.

#: The longest token that is kept; longer ones are on no list.
LONGEST_KEPT = 255


def read_token(given: Fields) -> Token | None:
    """Read an IdTokenType; None where there is none.  Its kind is a word of ours or its own."""
    if not given.payload:
        return None
    kind = token_kind(given.text("type", "")) or authorisation.ANY_KIND
    return Token(given.text("idToken", "")[:LONGEST_KEPT], kind)


def ask(call: Fields, ctx: Context, services: Any) -> list[str] | None:
    """Ask about each certificate of the contract that the car showed (C07); None: of none."""
    del ctx
    named = call.list("iso15118CertificateHashData")
    found = [services.certificate_status(read_hash_data(one.payload)).word for one in named]
    return found if found or "certificate" in call else None


def tap(call: Fields, ctx: Context) -> Tap:
    """Read a tap."""
    token = read_token(call.child("idToken")) or Token("")
    return Tap(ctx.station, token, AUTHORIZE, ctx.now, let_in=was_let_in(ctx, "idTokenInfo"))


def from_memory(call: Fields, ctx: Context) -> Payload | None:
    """The answer by what was known last; none about a contract, whose certificates are not asked
    about, nor to what is on no list: the station would keep the word."""
    contract = "iso15118CertificateHashData" in call or "certificate" in call
    decision = None if contract else ctx.memory.decide(tap(call, ctx))
    return None if decision is None else {"idTokenInfo": id_token_info(decision)}


def answer(decision: Decision, ctx: Context) -> Payload:
    """Spell what was decided about a tap."""
    if ctx.found is None:
        return {"idTokenInfo": id_token_info(decision)}
    decision, word = x509.judge_contract(decision, ctx.found)
    return {"idTokenInfo": id_token_info(decision), "certificateStatus": words.CONTRACTS[word]}


authorize = Outside(ask, Fact(tap, decide_all, answer))


def id_token_info(decision: Decision) -> Payload:
    """Spell a decision; optional members are left out when they say nothing (FIELD X12)."""
    status = VERDICTS[decision.verdict]
    info: Payload = {"status": words.REASONS.get(decision.reason, status)}
    if decision.expires_at is not None:
        info["cacheExpiryDateTime"] = format_instant(decision.expires_at)
    if decision.parent:
        info["groupIdToken"] = group_id_token(decision.parent[:36])
    if decision.language:
        info["language1"] = decision.language
    return info


# Local authorisation lists (OCPP 2.0.1 block D).


def _info(entry: Json) -> Payload:
    info: Payload = {"status": STATUSES[entry["status"]]}
    if entry.get("expires_at"):
        expires_at = datetime.fromisoformat(entry["expires_at"])
        info["cacheExpiryDateTime"] = format_instant(expires_at)
    if entry.get("parent"):
        info["groupIdToken"] = group_id_token(entry["parent"])
    return info


def send_as(kinds: dict[str, str], longest: int) -> Encoding:
    """The list with the tokens that a version knows; others are left out and named as untold."""

    def token(entry: Json) -> Payload | None:
        try:
            return id_token(entry["token"], entry.get("kind", "id_tag"), kinds, longest)
        except Unfit:
            return None

    def encode(arguments: Arguments) -> Payload:
        rows: list[Payload] = [
            {"idToken": spelled} for entry in arguments["removed"] if (spelled := token(entry))
        ]
        rows += [
            {"idToken": spelled, "idTokenInfo": _info(entry)}
            for entry in arguments["entries"]
            if (spelled := token(entry))
        ]
        payload: Payload = {"localAuthorizationList": rows} if rows else {}
        payload["versionNumber"] = arguments["version"]
        payload["updateType"] = UPDATES[arguments["update"]]
        return payload

    def facts(answer: Payload, arguments: Arguments) -> Facts:
        del answer
        return {"untold": [one["token"] for one in arguments["entries"] if token(one) is None]}

    return Encoding("SendLocalList", encode, sentences=SENTENCES, facts=facts)


# What became of a reservation (OCPP 2.0.1 block H, use case H04).

#: What a station tells of a reservation, by the domain's word; the last came with 2.1.
TOLD = {"Expired": "expired", "Removed": "removed", "NoTransaction": "no_transaction"}


def status_update(call: Fields, ctx: Context) -> Payload:
    """Pass on how a reservation ended; the report itself is kept, whether it is ours or not."""
    keep(call, ctx, "reservation", "reservationUpdateStatus")
    word = TOLD.get(call.text("reservationUpdateStatus", ""), "")
    reservations.ended(ctx.db, ctx.station, call.integer("reservationId"), word, now=ctx.now)
    return {}


# Reservations (OCPP 2.0.1 block H).

PLUG_TYPES: dict[str, str] = {
    "type_1": "cType1",
    "type_2": "cType2",
    "type_2_socket": "sType2",
    "type_3_socket": "sType3",
    "ccs_1": "cCCS1",
    "ccs_2": "cCCS2",
    "chademo": "cG105",
    "nacs": "cTesla",
    "schuko": "sCEE-7-7",
    "inductive": "wInductive",
    "pantograph": "Pan",
}


def reserve_as(kinds: dict[str, str], longest: int, plug_types: dict[str, str]) -> Encoding:
    """The reservation with the tokens and plugs that a version knows."""

    def encode(arguments: Arguments) -> Payload:
        plug_type = arguments.get("plug_type")
        if plug_type and plug_type not in plug_types:
            raise Unfit("This version of OCPP has no word for that kind of plug.")
        kind = arguments.get("token_kind", "id_tag")
        payload: Payload = {
            "id": arguments["reservation_id"],
            "expiryDateTime": wire_time(arguments["expires_at"]),
            "idToken": id_token(arguments["token"], kind, kinds, longest),
        }
        if plug_type:
            payload["connectorType"] = plug_types[plug_type]
        if arguments.get("connector"):
            payload["evseId"] = arguments["connector"]
        if arguments.get("group_token"):
            payload["groupIdToken"] = group_id_token(arguments["group_token"])
        return payload

    return Encoding("ReserveNow", encode, sentences=REFUSALS)


ROUTES: dict[str, Route] = {
    "Authorize": Route(authorize, afresh=True, without_storage=from_memory, spooled=True),
    "ReservationStatusUpdate": Route(status_update, spooled=True),
}

ORDERS: dict[Order, Encoding] = {
    Order.SEND_LOCAL_LIST: send_as(KINDS, LONGEST),
    Order.READ_LOCAL_LIST_VERSION: version_from("versionNumber"),
    Order.RESERVE: reserve_as(KINDS, LONGEST, PLUG_TYPES),
    Order.CANCEL_RESERVATION: CANCEL,
}
