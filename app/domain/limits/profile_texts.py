"""The periods of a profile as people type them: a line each, `start limit [phases]`.

    00:00 16 3
    07:00 32 3

The start counts from the schedule's beginning: hours and minutes, hours beyond
24 for a week (30:00 is six in the morning of the second day), or plain seconds.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.ground.errors import Invalid

_CLOCK = re.compile(r"(\d{1,4}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)


def periods(text: str) -> list[dict[str, Any]]:
    """Read the lines; raises `Invalid` naming the line that cannot be read."""
    found = []
    for number, line in enumerate(text.replace(";", "\n").splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) not in (2, 3) or (start_s := _seconds(words[0])) is None:
            sentence = f"Line {number}: write start, limit and (if you like) phases, as 07:00 16 3."
            raise Invalid(sentence, field="periods")
        period: dict[str, Any] = {"start_s": start_s, "limit": words[1]}
        if len(words) == 3:
            period["phases"] = words[2]
        found.append(period)
    return found


def text(given: Sequence[Mapping[str, Any]]) -> str:
    """Write periods as `periods` reads them."""
    lines = []
    for period in given:
        words = [clock(period["start_s"]), str(period.get("limit", "")), period.get("phases")]
        lines.append(" ".join(str(word) for word in words if word not in (None, "")))
    return "\n".join(lines)


def sayable(given: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether lines can say all of the periods; only JSON says what 2.1 has besides."""
    return all(set(period) <= {"start_s", "limit", "phases"} for period in given)


def clock(seconds: int) -> str:
    """Seconds as 07:00, with seconds only where there are some."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours:02d}:{minutes:02d}" + (f":{rest:02d}" if rest else "")


def _seconds(word: str) -> int | None:
    if word.isascii() and word.isdigit() and len(word) < 10:
        return int(word)
    match = _CLOCK.fullmatch(word)
    if match is None:
        return None
    return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0)
