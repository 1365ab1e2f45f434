"""A charging session in words for the desk, and as the columns of a file or of a terminal."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from app.domain.ground.rows import read
from app.domain.ground.vocabulary import BillingState, Json, SessionState
from app.domain.ground.vocabulary.doubts import holds, label, sentence
from app.domain.money.billing import Assessment, provisional_until
from app.models import ChargingSession, MeterReading
from app.queries.money import costs
from app.text.numbers import kwh, local


def explained(codes: list[str]) -> list[tuple[str, str, bool]]:
    """Flags as (label, sentence, does it hold the bill), the ones that hold first."""
    found = [(label(code), sentence(code), holds(code)) for code in dict.fromkeys(codes)]
    return sorted(found, key=lambda flag: not flag[2])


def standing(
    session: ChargingSession, hold_h: int, idle_since: datetime | None = None
) -> Iterator[str]:
    """Say what is not settled about a session, in whole sentences.

    `idle_since` is when energy last flowed, as the bill would say it now.
    """
    zone = session.timezone
    if session.state is SessionState.CHARGING:
        if idle_since is not None:
            yield f"The car has taken no energy since {local(idle_since, 'time', zone)}."
        yield "This is what it would cost if it ended now; the bill is written when it ends."
        return
    if session.state is SessionState.NO_SHOW:
        yield "It is an unused reservation: nobody charged."
    if session.provisional:
        yield "The charger never reported the end of this session: the end is our assumption."
        if session.billing is BillingState.OPEN:
            until = provisional_until(session, hold_h)
            yield (
                f"Until {local(until, 'short', zone)} we wait for the charger’s own stop; "
                "then it is billed or held for review."
            )
    elif session.billing is BillingState.OPEN and session.bill_after is not None:
        yield (
            f"Until {local(session.bill_after, 'short', zone)} we wait for what the charger "
            "has not reported yet; then it is billed or held for review."
        )
    elif session.billing is BillingState.OPEN:
        yield "It has ended and is being billed now."
    if session.billing is BillingState.HELD:
        yield "The bill is held until a person has looked at it."
    if session.billing is BillingState.WAIVED and "too_little" not in session.flags:
        yield "Nobody pays for this session: it was waived."


def between(assessment: Assessment) -> Iterator[str]:
    """How the register of the plug goes on from the session before, where that is odd."""
    found = assessment.continuity
    if found.remarks and found.between_wh is not None:
        way = "above" if found.between_wh > 0 else "below"
        yield (
            f"The register began {kwh(abs(found.between_wh), 3)} {way} the end of the previous "
            "session at this plug."
        )
    if found.other_id is not None:
        yield f"Session {found.other_id} already has the same energy."


def tariff_why(session: ChargingSession) -> Iterator[str]:
    """Why this tariff and no other."""
    if session.tariff_why:
        yield session.tariff_why
    elif session.tariff_version_id is None:
        yield "No tariff applied when the session began."


Column = tuple[str, Callable[[Any], Any]]


def _of_bill(name: str) -> Callable[[ChargingSession], Any]:
    return lambda session: getattr(costs.standing(session), name, None)


SESSION: list[Column] = [
    *read("session=id station=station.identity connector=evse site=site.name"),
    *read("driver=driver.name tag=token started=started_at ended=ended_at state=state.value"),
    *read("provisional unauthorised stop_reason=stop_word energy_wh"),
    *read("register_start_wh=meter_start_wh register_stop_wh=meter_stop_wh billing=billing.value"),
    ("bill", _of_bill("number")),
    *read("currency"),
    ("total_minor", _of_bill("gross_minor")),
    ("flags", lambda row: list(row.flags)),
]

READING: list[Column] = [
    *read("taken_at received_at register_wh power_w current_a voltage_v soc_percent assumed_time"),
]


def as_json(session: ChargingSession, readings: Sequence[MeterReading]) -> Json:
    """A session and its readings as plain JSON values; watt-hours are text: exact."""
    return {
        **{name: _plain(read(session)) for name, read in SESSION},
        "readings": [
            {**{name: _plain(read(reading)) for name, read in READING}, "samples": reading.samples}
            for reading in readings
        ],
    }


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, bool | int | float | list | None) else str(value)
