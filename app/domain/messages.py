"""The message log: every frame a row, secrets redacted, kept for some days."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.domain.bulk import BulkInsert
from app.models import Message

#: What is written in the place of a secret.
REDACTED = "•••"

#: Members whose value is a secret wherever they stand.
_SECRET_MEMBERS = frozenset(
    {
        "password",
        "authorizationkey",
        "basicauthpassword",
        "apnpassword",
        "simpin",
        "keycode",
        "pin",
        "secret",
    }
)
#: Configuration keys whose `value` is a secret (1.6 security whitepaper).
_SECRET_KEYS = frozenset({"authorizationkey", "basicauthpassword", "wifipassword", "apnpassword"})

#: Members that hold the value of a setting.
_VALUES = frozenset({"value", "attributeValue", "variableAttribute"})

#: Actions that may carry a secret; all others are logged as they came.
SENSITIVE = frozenset(
    {
        "ChangeConfiguration",
        "GetConfiguration",
        "DataTransfer",
        "SetVariables",
        "GetVariables",
        *("Authorize", "TransactionEvent", "RequestStartTransaction", "ReserveNow"),
        "SendLocalList",
        "NotifyReport",
        "SetNetworkProfile",
        *("UpdateFirmware", "SignedUpdateFirmware", "PublishFirmware", "GetLog", "GetDiagnostics"),
        "NotifyCustomerInformation",
    }
)

#: The secret in an address of our own (`app.domain.files`).
_FILE_KEY = re.compile(r"(/[fu]/)[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])")
#: Members that tell of a customer, by message: they are read elsewhere, by admins only.
_PERSONAL = {"NotifyCustomerInformation": "data"}

#: A longer text is cut: the readings are stored by themselves.
LONGEST = 64 * 1024


def redact(payload: Any) -> Any:
    """Return a copy of a payload in which secrets, and passwords within URLs, are blotted out."""
    if isinstance(payload, list):
        return [redact(item) for item in payload]
    if isinstance(payload, dict):
        key = _named(payload)
        blot = key in _SECRET_KEYS or "password" in key
        hidden = _secret_members_of(payload)
        return {
            name: REDACTED
            if name.casefold() in _SECRET_MEMBERS
            or (blot and name in _VALUES)
            or name in hidden
            or (name == "key" and "server" in payload)  # of a VPN
            else redact(value)
            for name, value in payload.items()
        }
    if isinstance(payload, str) and "/" in payload:
        payload = _FILE_KEY.sub(rf"\1{REDACTED}", payload)
    if isinstance(payload, str) and "://" in payload and "@" in payload:
        scheme, _, rest = payload.partition("://")
        return f"{scheme}://{REDACTED}@{rest.rpartition('@')[2]}"
    return payload


def _named(payload: dict[str, Any]) -> str:
    """The setting that a value belongs to: a 1.6 key, or a 2.x variable."""
    variable = payload.get("variable")
    name = variable.get("name") if isinstance(variable, dict) else payload.get("key")
    return str(name or "").casefold()


def _secret_members_of(payload: dict[str, Any]) -> tuple[str, ...]:
    """The members that are secrets for what stands beside them: key codes (2.0.1 C04.FR.04)."""
    if payload.get("token_kind") == "key_code":
        return ("token",)
    kind = str(payload.get("type", "")).casefold()
    if kind == "keycode":
        return ("idToken", "additionalInfo")
    return ("additionalIdToken",) if "pin" in kind or "keycode" in kind else ()


def text_of(action: str, payload: Any) -> str:
    """Write a payload for the log: compact, redacted where it may hold secrets, cut when huge."""
    if action in SENSITIVE:
        payload = redact(payload)
    if action in _PERSONAL and isinstance(payload, dict):
        payload = {**payload, _PERSONAL[action]: REDACTED}
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    return cut(text)


def cut(text: str) -> str:
    """Cut a text for the log and take out NUL, which PostgreSQL refuses."""
    text = text.replace("\x00", "\\u0000")
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


_STORED = (
    "station_id",
    "connection_id",
    "session_id",
    "outbound",
    "message_id",
    "action",
    "request",
    "response",
    "outcome",
    "error_code",
    "error_description",
    "at",
    "latency_ms",
)
_TABLE: Any = Message.__table__
_INSERT = BulkInsert(_TABLE, _STORED)


def store(db: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows to the log in one statement; keys are the columns of `Message`."""
    _INSERT(db, [[row[name] for name in _STORED] for row in rows])


def forget(db: Session, *, before: datetime, limit: int = 5000) -> int:
    """Delete the oldest rows from before an instant, `limit` at most; return how many."""
    old = db.scalars(select(Message.id).where(Message.at < before).limit(limit)).all()
    if old:
        db.execute(delete(Message).where(Message.id.in_(old)))
    return len(old)
