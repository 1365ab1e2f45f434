"""Arguments for the orders about energy, tariffs and batteries (see order_samples)."""

from typing import Any

from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import Order
from app.domain.limits.der_controls import KINDS
from app.models import Tariff, TariffVersion
from tests.conftest import NOW

SIMPLE: dict[str, Any] = {
    "purpose": "default",
    "kind": "absolute",
    "stack_level": 1,
    "unit": "A",
    "periods": [
        {"start_s": 0, "limit": "16.0", "phases": 3},
        {"start_s": 3600, "limit": "32.1"},
    ],
    "starts_at": "2026-03-02T09:00:00+00:00",
    "duration_s": 86_400,
    "min_rate": "6.0",
    "valid_from": "2026-03-02T08:59:00+00:00",
    "valid_to": "2026-04-02T08:59:00+00:00",
}
DAILY = {
    "purpose": "station_max",
    "kind": "daily",
    "stack_level": 0,
    "unit": "W",
    "periods": [{"start_s": 0, "limit": "11000.0"}],
}
SESSION = {**DAILY, "purpose": "session", "kind": "relative"}
DYNAMIC = {
    "purpose": "default",
    "kind": "dynamic",
    "stack_level": 0,
    "unit": "W",
    "update_every_s": 60,
    "max_offline_s": 600,
    "periods": [
        {
            "start_s": 0,
            "limit": "11000",
            "more": {"mode": "central_setpoint", "setpoint": "-3000", "discharge_limit_l2": "-1"},
        }
    ],
}
TARIFF: dict[str, Any] = {
    "schema": 1,
    "currency": "EUR",
    "tax": {"mode": "inclusive", "percent": "19"},
    "minimum": "1.00",
    "maximum": "50",
    "free_minutes": 5,
    "components": [
        {"kind": "start", "price": "0.50"},
        {
            "kind": "energy",
            "price": "0.30",
            "when": {"from": "22:00", "until": "24:00", "weekdays": ["mon", "sun"]},
        },
        {"kind": "energy", "price": "0.40", "when": {"energy_to_kwh": "50"}},
        {"kind": "energy", "price": "0.45", "when": {"date_to": "2026-12-31"}},
        {"kind": "charging_time", "price": "0.01", "when": {"duration_to_min": 240}},
        {"kind": "idle", "price": "0.10", "grace_minutes": 10},
    ],
}
_CURVE: dict[str, Any] = {
    "priority": 1,
    "points": [["50.2", "100"], ["51.5", "0"]],
    "y_unit": "pct_max_w",
    "response_time_s": "2",
    "hysteresis": {"high": "50.1", "low": "49.9", "delay_s": "60", "gradient": "10"},
    "reactive_power": {"reference_voltage": "100", "autonomous": True, "time_constant_s": "300"},
    "voltage": {"mean_10_min": "110", "trip_delay_s": "3", "during_cessation": "active"},
}
CONTROLS: dict[str, dict[str, Any]] = {
    "curve": {**_CURVE, "starts_at": "2026-03-02T09:00:00Z", "duration_s": "900"},
    "enter_service": {
        "priority": 0,
        "high_voltage": "110",
        "low_voltage": "90",
        "high_frequency": "50.1",
        "low_frequency": "49.9",
        "delay_s": "300",
    },
    "fixed_pf": {"priority": 1, "displacement": "0.95", "excitation": True},
    "fixed_var": {"priority": 1, "setpoint": "44", "unit": "pct_max_var"},
    "freq_droop": {
        "priority": 1,
        "over_frequency": "50.2",
        "under_frequency": "49.8",
        "over_droop": "5",
        "under_droop": "5",
        "response_time_s": "0.5",
    },
    "gradient": {"priority": 1, "gradient": "1.67", "soft_gradient": "0.5"},
    "limit_max_discharge": {"priority": 1, "percent": "50", "power_monitoring": _CURVE},
}

SAMPLES: dict[Order, list[dict[str, Any]]] = {
    Order.SET_PROFILE: [
        {"document": SIMPLE, "connector": 1},
        {"document": DAILY},
        {"document": SESSION, "session_id": 7, "transaction_ref": "77"},
        {"document": DYNAMIC},
        {"document": {**DAILY, "purpose": "priority"}},
    ],
    Order.CLEAR_PROFILE: [
        {},
        {"station_profile_id": 7},
        {"connector": 1, "purpose": "default", "stack_level": 0},
        {"purpose": "generation"},
    ],
    Order.READ_PROFILES: [{}, {"connector": 1, "purpose": "external", "sources": "ems,so"}],
    Order.READ_COMPOSITE_SCHEDULE: [{}, {"connector": 1, "duration_s": 600, "unit": "W"}],
    Order.UPDATE_DYNAMIC_SCHEDULE: [{"station_profile_id": 7, "limit": "16"}],
    Order.USE_PRIORITY_CHARGING: [{"session_id": 7, "transaction_ref": "77", "active": "yes"}],
    Order.ALLOW_ENERGY_TRANSFER: [{"transaction_ref": "77", "transfers": "dc,dc_bpt"}],
    Order.SEND_AFRR_SIGNAL: [{"signal": -40, "at": "2026-03-02T09:00:00Z"}],
    Order.SET_DER_CONTROL: [
        {"kind": kind, "control": "c-1", "document": CONTROLS[shape]}
        for kind, (_, shape) in KINDS.items()
    ],
    Order.READ_DER_CONTROL: [{}, {"kind": "volt_var", "default": "yes", "control": "c-1"}],
    Order.CLEAR_DER_CONTROL: [{}, {"default": "yes", "kind": "hv_must_trip"}],
    Order.SET_DEFAULT_TARIFF: [
        {"tariff_id": 1},
        {"tariff_id": 1, "connector": 1, "valid_from": "2026-03-02T09:00:00Z"},
    ],
    Order.CHANGE_TRANSACTION_TARIFF: [{"tariff_id": 1, "transaction_ref": "77"}],
    Order.READ_TARIFFS: [{}, {"connector": 1}],
    Order.CLEAR_TARIFFS: [{}, {"numbers": "a,b", "connector": 1}],
    Order.ANNOUNCE_WEB_PAYMENT: [{"connector": 1, "timeout_s": 120}],
    Order.REQUEST_BATTERY_SWAP: [{"token": "04A2"}, {"token": "x" * 37, "token_kind": "emaid"}],
}

_NAMED = {"number": "ampdesk-1-1", "name": "Day and night", "document": TARIFF}
PREPARED: dict[Order, dict[str, Any]] = {
    Order.SET_PROFILE: {"number": 7},
    Order.READ_PROFILES: {"number": 7},
    Order.UPDATE_DYNAMIC_SCHEDULE: {"number": 7, "update": {"limit": "16.0", "setpoint_l3": "-1"}},
    Order.READ_DER_CONTROL: {"number": 7},
    Order.SET_DEFAULT_TARIFF: _NAMED,
    Order.CHANGE_TRANSACTION_TARIFF: _NAMED,
    Order.REQUEST_BATTERY_SWAP: {"number": 7},
}


def put_tariff(db: Session, tenant_id: int, **changes: Any) -> int:
    """Put a definition into the tariff book; returns the tariff's number."""
    definition = {**TARIFF, **changes}
    book = Tariff(
        tenant_id=tenant_id,
        name="Kerb",
        name_key="kerb",
        created_at=NOW,
        currency=definition["currency"],
    )
    db.add(book)
    db.flush()
    version = TariffVersion(
        tariff_id=book.id, number=1, definition=definition, created_at=NOW, created_by="Ada"
    )
    db.add(version)
    db.flush()
    return book.id
