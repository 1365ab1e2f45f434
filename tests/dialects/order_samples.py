"""Arguments for every order, as somebody could give them, for the tests that walk all encoders.

One dictionary per noun; each list holds several samples of one order.  A sample
is what `orders.arguments` gets; `PREPARED` adds what a preparation would.
"""

from typing import Any

from app.domain.ground.vocabulary import Order
from tests.dialects import energy_samples

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
    Order.START_CHARGING: [
        {"token": "04A2"},
        {"token": "04A2", "connector": 1},
        {"token": "DE-8AA-CA2B3C4-D", "token_kind": "emaid"},
        {"token": "APP-1", "token_kind": "central", "most_kwh": "20.5", "most_minutes": "90"},
    ],
    Order.STOP_CHARGING: [{"transaction_ref": "77"}],
    Order.READ_TRANSACTION_STATUS: [{}, {"transaction_ref": "77"}],
    Order.SEND_COST: [{"transaction_ref": "77", "total_cost": "3.94"}],
}

SETTINGS: Samples = {
    Order.CHANGE_SETTING: [
        {"key": "HeartbeatInterval", "value": "60"},
        {"key": "EVSE@1/Power:max_set", "value": "11000"},
        {"settings": {"ClockCtrlr/TimeZone": "UTC", "OCPPCommCtrlr/HeartbeatInterval": "60"}},
    ],
    Order.READ_SETTINGS: [
        {},
        {"keys": ["HeartbeatInterval"]},
        {"keys": "OCPPCommCtrlr/MessageAttempts.TransactionEvent, EVSE.a@1.2/Power:target"},
    ],
    Order.READ_BASE_REPORT: [
        {"base": "configuration"},
        {"base": "full"},
        {"base": "summary"},
    ],
    Order.READ_REPORT: [
        {},
        {"criteria": "problem, active"},
        {"keys": ["EVSE@1/Power", "ChargingStation"]},
    ],
    Order.SET_NETWORK_PROFILE: [
        {"slot": 1, "url": "wss://csms.example/ocpp", "security_profile": 2},
        {
            "slot": 2,
            "url": "ws://csms.example/ocpp",
            "security_profile": 1,
            "interface": "wireless0",
            "version": "2.0.1",
            "timeout_s": 60,
            "apn": {"apn": "internet", "apnAuthentication": "NONE"},
        },
    ],
}

MONITORING: Samples = {
    Order.SET_MONITORING_BASE: [{"base": "all"}, {"base": "hard_wired_only"}],
    Order.SET_MONITORING_LEVEL: [{"severity": 4}],
    Order.SET_MONITORS: [
        {
            "monitors": [
                {"key": "EVSE@1/Power", "kind": "upper_threshold", "value": 11000, "severity": 5},
                {"key": "A.b/C.d", "kind": "delta", "value": "0.5", "severity": 0, "number": 4},
            ]
        },
    ],
    Order.CLEAR_MONITORS: [{"numbers": "1, 2"}],
    Order.READ_MONITORS: [{}, {"criteria": ["threshold"], "keys": ["EVSE@1"]}],
    Order.READ_EVENT_STREAMS: [{}],
    Order.ADJUST_EVENT_STREAM: [{"stream": 3, "interval_s": 30, "values": 10}],
}

DISPLAY: Samples = {
    Order.SHOW_MESSAGE: [
        {"text": "Closed on Sunday"},
        {"text": "Please move on", "when": "idle", "priority": "in_front", "language": "en"},
        {"text": "Resting", "when": "suspended", "format": "qrcode"},
        {
            "text": "Today only",
            "starts_at": "2026-03-02T09:00:00Z",
            "ends_at": "2026-03-02T18:00:00Z",
        },
    ],
    Order.READ_MESSAGES: [{}, {"numbers": [1, 2], "priority": "always_front", "when": "charging"}],
    Order.CLEAR_MESSAGE: [{"number": 1}],
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

_PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
_MD5 = "9e107d9d372bb6826bd81d3542a419d6"

FILES: Samples = {
    Order.UPDATE_FIRMWARE: [
        {"firmware_id": 3},
        {"url": "ftp://files.example/new.bin", "retries": 3, "retry_interval_s": 60},
        {"firmware_id": 3, "retrieve_at": "2026-03-02T22:00:00Z"},
        {"firmware_id": 3, "install_at": "2026-03-03T02:00:00Z"},
        {"url": "https://files.example/new.bin", "signature": "MEUC", "signing_certificate": _PEM},
    ],
    Order.PUBLISH_FIRMWARE: [
        {"firmware_id": 3},
        {"url": "https://files.example/new.bin", "checksum": _MD5, "retries": 1},
    ],
    Order.UNPUBLISH_FIRMWARE: [{"checksum": _MD5}],
    Order.FETCH_LOGS: [
        {"kind": "diagnostics"},
        {"kind": "diagnostics", "extended": "yes", "retries": 2, "retry_interval_s": 30},
        {"kind": "diagnostics", "oldest": "2026-03-01T00:00:00Z", "latest": "2026-03-02T00:00:00Z"},
        {"kind": "security_log"},
        {"kind": "data_collector_log"},
    ],
    Order.READ_CUSTOMER_INFORMATION: [
        {"token": "04A2", "token_kind": "iso14443"},
        {"token": "WVWZZZ1JZXW000001", "token_kind": "vin"},
        {"customer": "C-17"},
        {
            "hash_algorithm": "sha256",
            "issuer_name_hash": "a" * 64,
            "issuer_key_hash": "b" * 64,
            "serial_number": "01f3",
        },
    ],
}

LOCAL_LISTS: Samples = {
    Order.SEND_LOCAL_LIST: [{}, {"mode": "full"}],
    Order.READ_LOCAL_LIST_VERSION: [{}],
}

_PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
_HASHES = {
    "algorithm": "sha256",
    "issuer_name_hash": "a" * 64,
    "issuer_key_hash": "b" * 64,
    "serial_number": "01f3",
}
CERTIFICATES: Samples = {
    Order.INSTALL_CERTIFICATE: [
        {"use": "csms_root", "certificate": _PEM},
        {"use": "manufacturer_root", "certificate": _PEM},
    ],
    Order.DELETE_CERTIFICATE: [_HASHES],
    Order.READ_CERTIFICATES: [{}, {"uses": ["manufacturer_root"]}],
    Order.SEND_CERTIFICATE: [{"certificate_id": 7}],
    Order.CHANGE_PASSWORD: [{}],
}

RAW: Samples = {Order.RAW: [{"action": "Reset", "payload": {"type": "Soft"}}]}

SAMPLES: Samples = {
    **STATION,
    **CHARGING,
    **SETTINGS,
    **RESERVATIONS,
    **LOCAL_LISTS,
    **FILES,
    **CERTIFICATES,
    **RAW,
    **MONITORING,
    **DISPLAY,
    **energy_samples.SAMPLES,
}

#: What a preparation puts into the arguments before they reach a dialect.
PREPARED: dict[Order, dict[str, Any]] = {
    Order.START_CHARGING: {"remote_start_id": 7, "group_token": "FLEET"},
    Order.SEND_LOCAL_LIST: {
        "mode": "auto",
        "update": "differential",
        "version": 2,
        "entries": [
            {
                "token": "04A2",
                "kind": "id_tag",
                "status": "accepted",
                "expires_at": "2026-03-02T17:00:00+00:00",
                "parent": "FLEET",
            },
            {"token": "0" * 40, "kind": "id_tag", "status": "blocked", "expires_at": None},
        ],
        "removed": [{"token": "04A3", "kind": "id_tag", "status": "accepted"}],
        "more": False,
    },
    Order.UPDATE_FIRMWARE: {
        "request_id": 7,
        "location": "https://desk.example/f/0123456789abcdefghijkl",
        "retrieve_at": "2026-03-02T09:00:00+00:00",
    },
    Order.PUBLISH_FIRMWARE: {
        "request_id": 7,
        "location": "https://desk.example/f/0123456789abcdefghijkl",
        "checksum": _MD5,
    },
    Order.FETCH_LOGS: {
        "request_id": 7,
        "location": "https://desk.example/u/0123456789abcdefghijkl",
    },
    Order.READ_CUSTOMER_INFORMATION: {"request_id": 7, "report": True, "clear": False},
    Order.RESERVE: {
        "reservation_id": 7,
        "expires_at": "2026-03-02T17:00:00+00:00",
        "group_token": "FLEET",
    },
    Order.SEND_CERTIFICATE: {"chain": _PEM, "use": "station"},
    Order.CHANGE_PASSWORD: {"password": "0123456789abcdef0123456789abcdef"},
    Order.READ_SETTINGS: {"request_id": 7},
    Order.READ_BASE_REPORT: {"request_id": 7},
    Order.READ_REPORT: {"request_id": 7},
    Order.READ_MONITORS: {"request_id": 7},
    Order.READ_MESSAGES: {"request_id": 7},
    Order.SHOW_MESSAGE: {"number": 3},
    **energy_samples.PREPARED,
}
