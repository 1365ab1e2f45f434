"""What a meter itself says of a session, in readings that it signed (OCMF).  Pure.

Signatures are not verified here: whoever doubts a bill does that, with the meter's public key.  But
the figure that the driver can prove must be the one that is billed.  What is in no form known here
(EDL and others) says nothing.
"""

import base64
import binascii
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from app.domain.charging.energy.readings import LARGEST_WH, to_base_unit

#: Two figures of one session may lie so far apart: they are taken a moment apart, and rounded.
SLACK_WH, _SLACK_PART = Decimal(100), Decimal("0.01")

_BEGIN, _ENDS = "B", frozenset("ELRAP")
#: The state of a meter that works, and those after which it proves nothing: manipulated, exchanged.
_GOOD, _NEVER_GOOD = frozenset({"", "G"}), frozenset({"M", "X"})
#: A reading after an error; and the flag of energy that is no longer good for billing.
_EXCEPTION, _ENERGY = "X", "E"
_HEAD = "OCMF|"
#: A text within a text: signed data in base64 in a JSON document in hex.
_DEEPEST = 3
#: What goes back from the car to the grid: OBIS 2.8.0, and C0 to C3 of OCMF (table 25).
_EXPORT = re.compile(r"(^|[:.])(2\.8|0?2\.08|C[0-3])\.", re.IGNORECASE)


def energies(texts: Iterable[str]) -> tuple[Decimal, ...]:
    """The energy, in Wh, between the begin and the end of each import register that was signed."""
    first: dict[str, Decimal] = {}
    last: dict[str, Decimal] = {}
    for text in texts:
        for kind, register, value_wh in _registers(_document(text)):
            if kind == _BEGIN:
                first.setdefault(register, value_wh)
            elif kind in _ENDS:
                last[register] = value_wh
    return tuple(last[name] - first[name] for name in first if name in last)


def differ(signed: Iterable[Decimal], energy_wh: Decimal) -> bool:
    """Whether signed energies are known and none of them is this one."""
    known = list(signed)
    slack = max(SLACK_WH, energy_wh * _SLACK_PART)
    return bool(known) and all(abs(each - energy_wh) > slack for each in known)


def are_good(texts: Iterable[str]) -> bool:
    """Whether a meter calls what it signed good for billing energy (OCMF, tables 7 and 10).

    What happened between the begin and the end counts where it says so; a state of these two does.
    """
    return not any(_is_bad(told) for text in texts for told, _ in _readings(_document(text)))


def _is_bad(told: dict[str, Any]) -> bool:
    mark, state, errors = (str(told[name] or "") for name in ("TX", "ST", "EF"))
    if _ENERGY in errors or state in _NEVER_GOOD:
        return True
    if mark == _EXCEPTION:
        return not errors  # else of its time only
    return mark in _ENDS | {_BEGIN} and state not in _GOOD


def _registers(document: Any) -> Iterator[tuple[str, str, Decimal]]:
    """The readings of a document: what each marks, which register, and its value in Wh."""
    for told, reading in _readings(document):
        register, unit = str(told["RI"]), str(told["RU"])
        value_wh = _in_wh(reading.get("RV"), unit)
        if value_wh is not None and not _EXPORT.search(register):
            yield str(told["TX"]), register, value_wh


def _readings(document: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The readings of a document, each with what it leaves out as the one before it had it."""
    readings = document.get("RD") if isinstance(document, dict) else None
    told: dict[str, Any] = defaultdict(str)
    for reading in readings if isinstance(readings, list) else ():
        if isinstance(reading, dict):
            told |= reading
            yield told, reading


def _in_wh(value: Any, unit: str) -> Decimal | None:
    if unit.casefold() not in ("wh", "kwh"):
        return None
    try:
        found, _ = to_base_unit(Decimal(str(value)), unit)
    except InvalidOperation:
        return None
    return found if found.is_finite() and 0 <= found <= LARGEST_WH else None


def _document(text: str, depth: int = 0) -> Any:
    """The JSON of an OCMF text, as it is or as OCPP carries it; None where there is none."""
    text = text.strip()
    if text.startswith(_HEAD):
        return _json(text[len(_HEAD) :])
    if depth == _DEEPEST:
        return None
    if text.startswith("{"):
        carried = _json(text)
        inner = carried.get("signedMeterData") if isinstance(carried, dict) else None
    else:
        inner = _decoded(text)
    return _document(inner, depth + 1) if isinstance(inner, str) else None


def _json(text: str) -> Any:
    """The JSON value that a text begins with; what follows it is the signature."""
    try:
        return json.JSONDecoder(parse_float=Decimal).raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def _decoded(text: str) -> str | None:
    """A text that is written in hex or base64."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        try:
            data = base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error):
            return None
    return data.decode(errors="replace")
