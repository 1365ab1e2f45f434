"""Values of settings as chargers write them, read tolerantly (FIELD R10).

A list comes with commas or semicolons, with blanks and in brackets; a truth
value as a word or a digit; a long value may come back cut.
"""

from decimal import Decimal, InvalidOperation

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
#: A value that is cut is at least so long; shorter ones are other values.
_CUT_FROM = 20


def items(value: str | None) -> tuple[str, ...]:
    """The items of a list."""
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
