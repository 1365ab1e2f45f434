"""Taps (OCPP 2.0.1 block C), how a token is read, and how a decision is spelled."""

from typing import Any

from app.domain.access import authorisation
from app.domain.access.authorisation import AUTHORIZE, Tap, decide_all
from app.domain.ground.vocabulary import Decision, Token, token_kind
from app.domain.trust import contracts
from worker.dialects.certificate_words import read_hash_data
from worker.dialects.context import Context, Fact, Outside, Payload
from worker.dialects.v201 import tokens, words
from worker.ocpp.fields import Fields, format_instant

#: The longest token that is kept; longer ones are on no list.
LONGEST = 255


def read_token(given: Fields) -> Token | None:
    """Read an IdTokenType; None where there is none.  Its kind is a word of ours or its own."""
    if not given.payload:
        return None
    kind = token_kind(given.text("type", "")) or authorisation.ANY_KIND
    return Token(given.text("idToken", "")[:LONGEST], kind)


def ask(call: Fields, ctx: Context, services: Any) -> list[str] | None:
    """Ask about each certificate of the contract that the car showed (C07); None: of none."""
    del ctx
    named = call.list("iso15118CertificateHashData")
    found = [services.certificate_status(read_hash_data(one.payload)).word for one in named]
    return found if found or "certificate" in call else None


def tap(call: Fields, ctx: Context) -> Tap:
    """Read a tap."""
    return Tap(ctx.station, read_token(call.child("idToken")) or Token(""), AUTHORIZE, ctx.now)


def told(decision: Decision, ctx: Context) -> Payload:
    """Spell what was decided about a tap."""
    if ctx.found is None:
        return {"idTokenInfo": id_token_info(decision)}
    decision, word = contracts.judge(decision, ctx.found)
    return {
        "idTokenInfo": id_token_info(decision),
        "certificateStatus": words.CONTRACTS[word],
    }


authorize = Outside(ask, Fact(tap, decide_all, told))


def id_token_info(decision: Decision) -> Payload:
    """Spell a decision; optional members are left out when they say nothing (FIELD X12)."""
    status = words.VERDICTS[decision.verdict]
    info: Payload = {"status": words.REASONS.get(decision.reason, status)}
    if decision.expires_at is not None:
        info["cacheExpiryDateTime"] = format_instant(decision.expires_at)
    if decision.parent:
        info["groupIdToken"] = tokens.group_id_token(decision.parent[:36])
    if decision.language:
        info["language1"] = decision.language
    return info
