"""What is done with a call before it is handled: is it allowed, is it whole, can it be mended."""

from dataclasses import replace
from typing import Any

from worker.dialects.route import Route
from worker.ocpp import repairs, schemas
from worker.ocpp.frames import Call, Send
from worker.ocpp.json_text import without_nul
from worker.ocpp.versions import CallFault, Fault


def checked(
    held: Any, call: Call | Send, route: Route
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The payload to work with and the repairs that it needed; raises the precise CallFault."""
    link = held.link
    notes = [(note, call.action) for note in call.notes] if call.notes else []
    if not (held.served or route.before_boot or call.action in held.triggered):
        raise CallFault(Fault.SECURITY, "the boot of this charger was not accepted yet")
    if "\\u0000" in call.text:
        # PostgreSQL has no NUL in texts; no charger means anything by it.
        call = replace(call, payload=without_nul(call.payload))
        notes.append(("nul_character", call.action))
    validator = schemas.validator_for(link.version, call.action, "call")
    if validator is not None and validator.is_valid(call.payload):
        return call.payload, notes
    if link.station.strict:
        problem = schemas.violation(link.version, call.action, "call", call.payload)
        if problem is not None:
            raise problem
        return call.payload, notes
    mended = repairs.mend(link.version, call.action, call.payload)
    notes += [(name, call.action) for name in mended.repairs]
    if mended.violation is not None:
        # Kilowatt-hours are never refused for their form: the handler reads what it can.
        if not route.money or not isinstance(mended.payload, dict):
            raise mended.violation
        notes.append(("schema_violation", f"{call.action}: {mended.violation.description}"))
    return mended.payload, notes
