"""Arguments for every order, as somebody could give them, for the tests that walk all encoders.

One dictionary per noun; each list holds several samples of one order.  A sample
is what `orders.arguments` gets; `PREPARED` adds what a preparation would.
"""

from typing import Any

from app.domain.vocabulary import Order

Samples = dict[Order, list[dict[str, Any]]]

STATION: Samples = {
    Order.RESET: [{"kind": "soft"}, {"kind": "hard"}, {"kind": "resume", "connector": 2}],
    Order.UNLOCK: [{"connector": 1}, {"connector": 2, "plug": 2}],
    Order.SET_AVAILABILITY: [
        {"connector": 0, "available": "no"},
        {"connector": 1, "available": "yes"},
        {"connector": 1, "plug": 2, "available": "yes"},
    ],
    Order.TRIGGER: [
        {"message": "boot"},
        {"message": "status", "connector": 1},
        {"message": "status", "connector": 1, "plug": 2},
        {"message": "meter_values", "connector": 1},
        {"message": "transaction"},
        {"message": "diagnostics"},
        {"message": "log_status"},
        {"message": "firmware"},
        {"message": "firmware", "extended": "yes"},
        {"message": "publish_firmware"},
        {"message": "sign_certificate"},
        {"message": "sign_v2g_certificate"},
        {"message": "sign_v2g20_certificate"},
        {"message": "sign_combined_certificate"},
        {"message": "custom", "custom": "acme-selftest"},
    ],
    Order.CLEAR_CACHE: [{}],
    Order.DATA_TRANSFER: [
        {"vendor_id": "com.acme"},
        {"vendor_id": "com.acme", "message_id": "hello", "data": "text"},
        {"vendor_id": "com.acme", "data": {"a": [1]}},
    ],
}

CHARGING: Samples = {
    Order.START_CHARGING: [{"token": "04A2"}, {"token": "04A2", "connector": 1}],
    Order.STOP_CHARGING: [{"transaction_ref": "77"}],
}

SETTINGS: Samples = {
    Order.CHANGE_SETTING: [{"key": "HeartbeatInterval", "value": "60"}],
    Order.READ_SETTINGS: [{}, {"keys": ["HeartbeatInterval"]}],
}

RESERVATIONS: Samples = {
    Order.RESERVE: [
        {"token": "04A2", "minutes": 30},
        {"token": "04A2", "connector": 1, "expires_at": "2026-03-02T18:00:00+01:00"},
        {"token": "04A2", "plug_type": "ccs_2", "token_kind": "emaid", "minutes": "5"},
        {"token": "04A2", "plug_type": "mcs", "token_kind": "evccid", "minutes": 5},
        {"token": "0" * 40, "minutes": 5},
    ],
    Order.CANCEL_RESERVATION: [{"reservation_id": 7}],
}

RAW: Samples = {Order.RAW: [{"action": "Reset", "payload": {"type": "Soft"}}]}

SAMPLES: Samples = {**STATION, **CHARGING, **SETTINGS, **RESERVATIONS, **RAW}

#: What a preparation puts into the arguments before they reach a dialect.
PREPARED: dict[Order, dict[str, Any]] = {
    Order.RESERVE: {
        "reservation_id": 7,
        "expires_at": "2026-03-02T17:00:00+00:00",
        "group_token": "FLEET",
    },
}
