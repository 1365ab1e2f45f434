"""Taps (OCPP 1.6 section 4.1) and how a decision is spelled."""

from app.domain.access.authorisation import AUTHORIZE, Tap, decide_all
from app.domain.ground.vocabulary import Decision, Token
from worker.dialects.context import Context, Fact, Payload
from worker.dialects.v16 import words
from worker.ocpp.fields import Fields, format_instant


def _tap(call: Fields, ctx: Context) -> Tap:
    """Read a tap."""
    return Tap(ctx.station, Token(call.text("idTag", "")), AUTHORIZE, ctx.now)


def _told(decision: Decision, ctx: Context) -> Payload:
    return {"idTagInfo": id_tag_info(decision)}


authorize = Fact(_tap, decide_all, _told)


def id_tag_info(decision: Decision) -> Payload:
    """Spell a decision; optional members are left out when they say nothing (FIELD X12)."""
    info: Payload = {"status": words.VERDICTS[decision.verdict]}
    if decision.expires_at is not None:
        info["expiryDate"] = format_instant(decision.expires_at)
    if decision.parent:
        info["parentIdTag"] = decision.parent[:20]
    return info
