"""A charging profile in other forms: for stations that refuse the first, at an instant, in lines.

What changes the arguments of SET_PROFILE returns other ones that mean the same as nearly as
may be, or None where there is nothing left to change (FIELD K1).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Arguments, Json
from app.domain.limits.profile_documents import EVERY_S

#: The voltage between a phase and neutral that conversions count with.
VOLTS = Decimal(230)
#: What a station charges with when a period does not say.
PHASES = 3

Change = Callable[[Arguments], Arguments | None]

_TENTH = Decimal("0.1")


def converted(rate: str, phases: int, unit: str) -> str:
    """A rate in the other unit: watts of all phases from amperes of one, or back.

    Amperes are cut and not rounded: a limit never grows by being converted.
    """
    volts = VOLTS * phases
    if unit == "W":
        return format((Decimal(rate) * volts).quantize(_TENTH, ROUND_HALF_UP), "f")
    return format((Decimal(rate) / volts).quantize(_TENTH, ROUND_DOWN), "f")


def in_unit(document: Mapping[str, Any], unit: str) -> Json:
    """The same profile in amperes (A) or watts (W)."""
    changed = deepcopy(dict(document))
    if document["unit"] == unit:
        return changed
    changed["unit"] = unit
    for period in changed["periods"]:
        phases = period.get("phases", PHASES)
        if "limit" in period:
            period["limit"] = converted(period["limit"], phases, unit)
        for name in [each for each in period.get("more", {}) if each != "mode"]:
            period["more"][name] = converted(period["more"][name], phases, unit)
    if "min_rate" in changed:
        phases = changed["periods"][0].get("phases", PHASES)
        changed["min_rate"] = converted(changed["min_rate"], phases, unit)
    return changed


def other_unit(arguments: Arguments) -> Arguments | None:
    """Watts instead of amperes, or amperes instead of watts."""
    document = arguments.get("profile")
    if not document:
        return None
    unit = "W" if document["unit"] == "A" else "A"
    return {**arguments, "profile": in_unit(document, unit)}


def other_kind(arguments: Arguments) -> Arguments | None:
    """A session's profile that counts from its start, instead of from a moment; or the reverse.

    Some stations know one of the two only (FIELD K1: Wallbox).  What holds
    for a whole station, or repeats, has no other form.
    """
    document = arguments.get("profile")
    if not document or document["purpose"] not in ("default", "session"):
        return None
    if document["kind"] == "absolute":
        changed = {name: value for name, value in document.items() if name != "starts_at"}
        return {**arguments, "profile": {**changed, "kind": "relative"}}
    if document["kind"] == "relative" and arguments.get("begun_at"):
        starts_at = arguments["begun_at"]
        changed = {**document, "kind": "absolute", "starts_at": starts_at}
        return {**arguments, "profile": changed}
    return None


def lowest_stack_level(arguments: Arguments) -> Arguments | None:
    """Stack level 0, the only one that some stations know (FIELD K1: ABB, Grizzl-E)."""
    document = arguments.get("profile")
    if not document or document["stack_level"] == 0:
        return None
    return {**arguments, "profile": {**document, "stack_level": 0}}


def stepped(document: Mapping[str, Any], step_a: int) -> Json:
    """The same profile with limits that are whole steps of `step_a` amperes, cut downwards."""
    changed = deepcopy(dict(document))
    for period in changed["periods"]:
        if "limit" not in period:
            continue
        volts = Decimal(1) if document["unit"] == "A" else VOLTS * period.get("phases", PHASES)
        amperes = Decimal(period["limit"]) / volts
        whole_steps = (amperes // step_a) * step_a
        period["limit"] = format((whole_steps * volts).quantize(_TENTH, ROUND_DOWN), "f")
    return changed


def without_unit(arguments: Arguments) -> Arguments | None:
    """A composite schedule in whatever unit the station prefers."""
    if not arguments.get("unit"):
        return None
    return {name: value for name, value in arguments.items() if name != "unit"}


def rate_at(document: Mapping[str, Any], at: datetime) -> str | None:
    """The limit that a document sets at an instant, in its unit; None where it sets none.

    A profile without a start of its own counts from now on.
    """
    if not _valid(document, at):
        return None
    starts = document.get("starts_at")
    seconds = (at - datetime.fromisoformat(starts)).total_seconds() if starts else 0.0
    if seconds < 0:
        return None
    if every_s := EVERY_S.get(document.get("kind", "")):
        seconds %= every_s
    lasts = document.get("duration_s")
    if lasts is not None and seconds >= lasts:
        return None
    found = None
    for period in document.get("periods", ()):
        if period.get("start_s", 0) > seconds:
            break
        found = period.get("limit")
    return found


def _valid(document: Mapping[str, Any], at: datetime) -> bool:
    begins, ends = document.get("valid_from"), document.get("valid_to")
    if begins and at < datetime.fromisoformat(begins):
        return False
    return not (ends and at >= datetime.fromisoformat(ends))


# The periods of a profile as people type them: a line each, `start limit [phases]`.
#
#     00:00 16 3
#     07:00 32 3
#
# The start counts from the schedule's beginning: hours and minutes, hours beyond
# 24 for a week (30:00 is six in the morning of the second day), or plain seconds.

_CLOCK = re.compile(r"(\d{1,4}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
#: The days of a schedule that repeats every week: Tue 06:00 is 30:00.
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_S = 86_400


def read_periods(text: str) -> list[Json]:
    """Read the lines; raises `Invalid` naming the line that cannot be read."""
    found = []
    for number, line in enumerate(text.replace(";", "\n").splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) not in (2, 3) or (start_s := _seconds_of(words[0])) is None:
            sentence = f"Line {number}: write start, limit and (if you like) phases, as 07:00 16 3."
            raise Invalid(sentence, field="periods")
        period: Json = {"start_s": start_s, "limit": words[1]}
        if len(words) == 3:
            period["phases"] = words[2]
        found.append(period)
    return found


def read_rows(rows: Sequence[Mapping[str, Any]]) -> list[Json]:
    """Read what was typed into fields, `starts`, `limit` and `phases`; empty rows are ignored.

    Raises `Invalid` for `periods.2.starts`, as rows are counted from 0.
    """
    found = []
    for number, row in enumerate(rows):
        starts, limit = (str(row.get(name) or "").strip() for name in ("starts", "limit"))
        if not starts and not limit:
            continue
        start_s = _start_of(starts)
        if start_s is None:
            sentence = "Write when it begins, as 07:00, or Tue 07:00 in a week."
            raise Invalid(sentence, field=f"periods.{number}.starts")
        if not limit:
            raise Invalid("Write the limit.", field=f"periods.{number}.limit")
        period: Json = {"start_s": start_s, "limit": limit.replace(",", ".")}
        if row.get("phases"):
            period["phases"] = row["phases"]
        found.append(period)
    return sorted(found, key=lambda period: int(period["start_s"]))


def written_rows(given: Sequence[Mapping[str, Any]], kind: str) -> list[Json]:
    """Write periods as `read_rows` reads them."""
    return [
        {
            "starts": start_said(period["start_s"], kind),
            "limit": str(period.get("limit", "")),
            "phases": str(period.get("phases") or ""),
        }
        for period in given
    ]


def start_said(seconds: int, kind: str) -> str:
    """When a period begins: 07:00, and with its day in a schedule of a week."""
    if kind != "weekly":
        return clock(seconds)
    return f"{_DAYS[seconds // _DAY_S % 7].capitalize()} {clock(seconds % _DAY_S)}"


def _start_of(text: str) -> int | None:
    day, _, rest = text.partition(" ")
    if day[:3].lower() in _DAYS and rest:
        seconds = _seconds_of(rest.strip())
        return None if seconds is None else _DAYS.index(day[:3].lower()) * _DAY_S + seconds
    return _seconds_of(text)


def periods_sayable(given: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether lines can say all of the periods; only JSON says what 2.1 has besides."""
    return all(set(period) <= {"start_s", "limit", "phases"} for period in given)


def clock(seconds: int) -> str:
    """Seconds as 07:00, with seconds only where there are some."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours:02d}:{minutes:02d}" + (f":{rest:02d}" if rest else "")


def _seconds_of(word: str) -> int | None:
    if word.isascii() and word.isdigit() and len(word) < 10:
        return int(word)
    match = _CLOCK.fullmatch(word)
    if match is None:
        return None
    return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0)
