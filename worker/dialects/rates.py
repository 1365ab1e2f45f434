"""Rates and moments of charging schedules, written and read: the same in every version."""

from typing import Any

from worker.dialects.encoding import Arguments
from worker.ocpp.fields import Fields, format_instant, read_instant


def profile_of(arguments: Arguments) -> dict[str, Any]:
    """The document that an order puts on the wire: fitted to the station, or as it was given."""
    return dict(arguments.get("profile") or arguments["document"])


def rate(text: str | None) -> float | None:
    """A rate with one decimal as JSON's number."""
    return None if text is None else float(text)


def moment(text: str | None) -> str | None:
    """A moment of a document as OCPP writes it."""
    found = read_instant(text)
    return None if found is None else format_instant(found.at)


def read_rate(call: Fields, name: str) -> str | None:
    """A rate as a station wrote it."""
    number = call.decimal(name)
    return None if number is None else format(number, "f")


def read_moment(call: Fields, name: str) -> str | None:
    """A moment as a station wrote it, in the document's form."""
    at = call.instant(name)
    return None if at is None else at.isoformat()


def filled(members: dict[str, Any]) -> dict[str, Any]:
    """A document without the members that nothing is known of."""
    return {name: value for name, value in members.items() if value is not None}
