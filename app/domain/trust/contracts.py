"""Charging contracts that a car shows by certificate (ISO 15118): what a decision becomes."""

from collections.abc import Sequence
from dataclasses import replace

from app.domain.ground.vocabulary import Decision, Verdict

_NO_CONTRACT = frozenset({Verdict.BLOCKED, Verdict.EXPIRED, Verdict.INVALID})


def judge(decision: Decision, found: Sequence[str] | None) -> tuple[Decision, str]:
    """The decision about a contract's token and what its certificates are (C07.FR.13 to 17).

    `found` is what the responder says of each certificate (good, revoked,
    unknown or failed); nothing found means that they could not be looked at.
    """
    if found and "revoked" in found:
        return _refused(decision, "The certificate of the contract is revoked."), "revoked"
    if not found or any(word != "good" for word in found):
        return _refused(decision, "The contract's certificates cannot be verified."), "unverified"
    return decision, "cancelled" if decision.verdict in _NO_CONTRACT else "accepted"


def _refused(decision: Decision, sentence: str) -> Decision:
    return replace(decision, verdict=Verdict.INVALID, reason="contract", sentence=sentence)
