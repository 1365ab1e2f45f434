"""How a variable of a station is named, in one readable line, and how its values are read.

    Component[.instance][@evse[.connector]]/Variable[.instance][:attribute]

as in `OCPPCommCtrlr/MessageAttempts.TransactionEvent` or `EVSE@1/Power:max_set`.
A text without a slash is a plain configuration key, as OCPP 1.6 has them.
Characters that separate are written as %2E, %40, %2F and %3A within a name.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote, unquote

from app.domain.ground.errors import Invalid
from app.domain.ground.redaction import names_secret

ATTRIBUTES = ("actual", "target", "min_set", "max_set")
#: A part of a name may be so long (and so long is its column).
LONGEST_PART = 50
#: The column of the key that a variable is found by.
LONGEST_KEY = 400

_SEPARATORS = re.compile(r"[%./@:]")
_PLACE = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class VariableName:
    """An attribute of a variable of a component; without a component, a plain key."""

    variable: str
    component: str = ""
    component_instance: str | None = None
    evse: int | None = None
    connector: int | None = None
    instance: str | None = None
    attribute: str = "actual"

    @property
    def text(self) -> str:
        """The readable line."""
        if not self.component:
            return self.variable
        place = ""
        if self.evse is not None:
            place = f"@{self.evse}" + ("" if self.connector is None else f".{self.connector}")
        whole = _dotted(self.component, self.component_instance) + place
        attribute = "" if self.attribute == "actual" else f":{self.attribute}"
        return f"{whole}/{_dotted(self.variable, self.instance)}{attribute}"

    @property
    def key(self) -> str:
        """What it is found by: the line without case, of a length that fits its column."""
        found = self.text.casefold()
        if len(found) <= LONGEST_KEY:
            return found
        return f"{found[: LONGEST_KEY - 33]}#{hashlib.sha256(found.encode()).hexdigest()[:32]}"

    @property
    def columns(self) -> dict[str, Any]:
        """What a row that is about it holds of it, cut to fit."""
        return {
            "component": self.component[:LONGEST_PART],
            "component_instance": self.component_instance
            and self.component_instance[:LONGEST_PART],
            "evse": self.evse,
            "connector": self.connector,
            "variable": self.variable[:LONGEST_PART],
            "instance": self.instance and self.instance[:LONGEST_PART],
        }

    @property
    def place(self) -> str:
        """The component with its instance and its place, as the line begins."""
        return self.text.rpartition("/")[0]

    @property
    def secret(self) -> bool:
        """Whether its value is never kept and never shown."""
        parts = (self.variable, self.instance, self.component)
        return any(part and names_secret(part) for part in parts)

    def of(self, attribute: str) -> "VariableName":
        """Another attribute of the same variable."""
        return replace(self, attribute=attribute)


def name_of(row: Any) -> VariableName:
    """What a row (a setting, a monitor) is about."""
    return VariableName(
        *(row.variable, row.component, row.component_instance, row.evse, row.connector),
        *(row.instance, getattr(row, "attribute", "actual")),
    )


def plain(key: str) -> VariableName:
    """A configuration key of OCPP 1.6, whatever characters it has."""
    return VariableName(key[: LONGEST_PART * 4])


def parse(text: str, *, field: str = "key") -> VariableName:
    """Read a line; raises `Invalid` for one that names nothing."""
    component, slash, variable = text.strip().partition("/")
    if not slash:
        return plain(text.strip())
    found = component_of(component, field=field)
    head, colon, attribute = variable.rpartition(":")
    if not colon or attribute.casefold() not in ATTRIBUTES:
        head, attribute = variable, "actual"
    name, instance = _split(head)
    if not name:
        raise Invalid(f"{text} names no variable after the slash.", field=field)
    return _fitting(
        replace(found, variable=name, instance=instance, attribute=attribute.casefold()), field
    )


def component_of(text: str, *, field: str = "key") -> VariableName:
    """Read the part before the slash alone: a component, of which no variable is named."""
    head, at, place = text.strip().partition("@")
    match = _PLACE.fullmatch(place.strip()) if at else None
    if at and match is None:
        raise Invalid(f"{text}: after the @ stands the number of an EVSE, as in @1.2.", field=field)
    name, instance = _split(head)
    if not name:
        raise Invalid(f"{text or 'This'} names no component.", field=field)
    evse = int(match[1]) if match else None
    connector = int(match[2]) if match and match[2] else None
    return _fitting(VariableName("", name, instance, evse, connector), field)


def parse_component(text: str) -> VariableName:
    """Read a line in which the variable may be missing: then all of the component are meant."""
    if "/" in text.rstrip("/"):
        return parse(text, field="keys")
    return component_of(text.strip().rstrip("/"), field="keys")


def _fitting(name: VariableName, field: str) -> VariableName:
    parts = (name.component, name.component_instance, name.variable, name.instance)
    if any(part and len(part) > LONGEST_PART for part in parts):
        raise Invalid(f"A part of a name has {LONGEST_PART} characters at most.", field=field)
    return name


def _split(text: str) -> tuple[str, str | None]:
    name, _, instance = text.strip().partition(".")
    return unquote(name), unquote(instance) or None


def _dotted(name: str, instance: str | None) -> str:
    return _escaped(name) + (f".{_escaped(instance)}" if instance else "")


def _escaped(name: str) -> str:
    return _SEPARATORS.sub(
        lambda match: quote(match[0], safe="") if match[0] != "." else "%2E", name
    )


# Values of settings as chargers write them, read tolerantly (FIELD R10).
#
# A list comes with commas or semicolons, with blanks and in brackets; a truth
# value as a word or a digit; a long value may come back cut.

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
#: A value that is cut is at least so long; shorter ones are other values.
_CUT_FROM = 20


def items(value: str | None) -> tuple[str, ...]:
    bare = (value or "").strip().strip("[](){}")
    parts = bare.replace(";", ",").replace("\n", ",").split(",")
    return tuple(part.strip().strip("\"'") for part in parts if part.strip().strip("\"'"))


def truth(value: object) -> bool | None:
    """A truth value; None for what is none."""
    word = str(value).strip().strip("\"'").casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def number(value: str | None) -> int | None:
    """A whole number that is not negative; None for what is none."""
    try:
        found = Decimal((value or "").strip().strip("\"'"))
    except InvalidOperation:
        return None
    whole = found.is_finite() and found == found.to_integral_value() and 0 <= found < 2**31
    return int(found) if whole else None


def same(wanted: str | None, told: str | None) -> bool:
    """Whether a station that tells `told` has what was `wanted`, however it is spelled."""
    if wanted is None or told is None:
        return wanted == told
    if _plain(wanted) == _plain(told):
        return True
    if (left := _decimal(wanted)) is not None and left == _decimal(told):
        return True
    if truth(wanted) is not None and truth(wanted) == truth(told):
        return True
    return _is_cut(wanted.strip(), told.strip())


def _plain(value: str) -> tuple[str, ...] | str:
    found = items(value)
    return tuple(item.casefold() for item in found) or value.strip().casefold()


def _decimal(value: str) -> Decimal | None:
    try:
        found = Decimal(value.strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _is_cut(wanted: str, told: str) -> bool:
    """Whether `told` is the beginning of what was wanted, cut off within a word."""
    if len(told) < _CUT_FROM or not wanted.startswith(told) or len(told) >= len(wanted):
        return False
    return told[-1].isalnum() and wanted[len(told)].isalnum()
