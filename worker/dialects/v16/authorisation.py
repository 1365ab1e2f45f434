"""Taps (OCPP 1.6 section 4.1) and how a decision is spelled."""

from app.domain import authorisation
from app.domain.vocabulary import Decision, Token
from worker.dialects.context import Context, Payload
from worker.dialects.v16 import words
from worker.ocpp.fields import Fields, format_instant


def authorize(call: Fields, ctx: Context) -> Payload:
    """Decide about a tap."""
    token = Token(call.text("idTag", ""))
    decision = authorisation.decide(
        ctx.db, ctx.station, token, occasion=authorisation.AUTHORIZE, now=ctx.now
    )
    return {"idTagInfo": id_tag_info(decision)}


def id_tag_info(decision: Decision) -> Payload:
    """Spell a decision; optional members are left out when they say nothing (FIELD X12)."""
    info: Payload = {"status": words.VERDICTS[decision.verdict]}
    if decision.expires_at is not None:
        info["expiryDate"] = format_instant(decision.expires_at)
    if decision.parent:
        info["parentIdTag"] = decision.parent[:20]
    return info
