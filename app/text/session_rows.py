"""Sessions and readings as rows of a file or of a terminal: the same columns everywhere."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from app.models import ChargingSession, MeterReading
from app.queries.money import costs

Column = tuple[str, Callable[[Any], Any]]


def _of_bill(name: str) -> Callable[[ChargingSession], Any]:
    return lambda session: getattr(costs.standing(session), name, None)


SESSION: list[Column] = [
    ("session", lambda row: row.id),
    ("station", lambda row: row.station.identity),
    ("connector", lambda row: row.evse),
    ("site", lambda row: row.station.site.name),
    ("driver", lambda row: row.driver.name if row.driver else None),
    ("tag", lambda row: row.token),
    ("started", lambda row: row.started_at),
    ("ended", lambda row: row.ended_at),
    ("state", lambda row: row.state.value),
    ("provisional", lambda row: row.provisional),
    ("unauthorised", lambda row: row.unauthorised),
    ("stop_reason", lambda row: row.stop_word),
    ("energy_wh", lambda row: row.energy_wh),
    ("register_start_wh", lambda row: row.meter_start_wh),
    ("register_stop_wh", lambda row: row.meter_stop_wh),
    ("billing", lambda row: row.billing.value),
    ("bill", _of_bill("number")),
    ("currency", lambda row: row.currency),
    ("total_minor", _of_bill("gross_minor")),
    ("flags", lambda row: list(row.flags)),
]

READING: list[Column] = [
    ("taken_at", lambda reading: reading.taken_at),
    ("received_at", lambda reading: reading.received_at),
    ("register_wh", lambda reading: reading.register_wh),
    ("power_w", lambda reading: reading.power_w),
    ("current_a", lambda reading: reading.current_a),
    ("voltage_v", lambda reading: reading.voltage_v),
    ("soc_percent", lambda reading: reading.soc_percent),
    ("assumed_time", lambda reading: reading.assumed_time),
]


def as_json(session: ChargingSession, readings: Sequence[MeterReading]) -> dict[str, Any]:
    """A session and its readings as plain JSON values; watt-hours are text: exact."""
    return {
        **{name: _plain(read(session)) for name, read in SESSION},
        "readings": [
            {
                **{name: _plain(read(reading)) for name, read in READING},
                "samples": reading.samples,
            }
            for reading in readings
        ],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, bool | int | float | list | None) else str(value)
