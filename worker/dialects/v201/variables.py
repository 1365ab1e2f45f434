"""Components and variables on the wire (OCPP 2.0.1 sections 2.11 and 2.53)."""

from app.domain.device.variable_names import LONGEST_PART, VariableName, parse, parse_component
from worker.dialects.encoding import Payload, Unfit, without_blanks
from worker.ocpp.fields import Fields

ATTRIBUTES = {"actual": "Actual", "target": "Target", "min_set": "MinSet", "max_set": "MaxSet"}
_MOST_PLACES = 2**31 - 1
_READ = {word.casefold(): ours for ours, word in ATTRIBUTES.items()}


def written(name: VariableName) -> Payload:
    """A component with its variable; without a variable, the component alone."""
    evse: Payload = {}
    if name.evse is not None:
        evse = without_blanks({"id": name.evse, "connectorId": name.connector})
    component = {"evse": evse, "name": name.component, "instance": name.component_instance}
    payload: Payload = {"component": without_blanks(component)}
    if name.variable:
        payload["variable"] = without_blanks({"name": name.variable, "instance": name.instance})
    return payload


def attribute(key: str, **members: object) -> Payload:
    """The attribute that a key names, with other members before the component."""
    name = parse(key)
    if not name.component:
        raise Unfit(f"{key} lacks its component, as in ClockCtrlr/{key}.")
    # Actual is what an absent type means, and some firmwares know no other.
    kind = {} if name.attribute == "actual" else {"attributeType": ATTRIBUTES[name.attribute]}
    return {**kind, **members, **written(name)}


def chosen(key: str) -> Payload:
    """The variables that a key chooses for a report: one, or all of a component."""
    return written(parse_component(key))


def read(item: Fields, kind: str | None = None) -> VariableName:
    """The name of a variable as a station writes it; `kind` is the word of the attribute."""
    component, variable = item.child("component"), item.child("variable")
    evse = component.child("evse")
    word = (kind or item.text("attributeType", "Actual")).casefold()
    return VariableName(
        _part(variable, "name") or "",
        _part(component, "name") or "",
        _part(component, "instance"),
        _place(evse, "id"),
        _place(evse, "connectorId"),
        _part(variable, "instance"),
        _READ.get(word, "actual"),
    )


def _part(item: Fields, name: str) -> str | None:
    """A part of a name, cut to what is kept of it."""
    text = item.text(name)
    return None if text is None else text[:LONGEST_PART]


def _place(item: Fields, name: str) -> int | None:
    """An EVSE or a connector; a number that no place has (-1, say) names the whole station."""
    number = item.integer(name)
    return number if number is not None and 0 <= number <= _MOST_PLACES else None
