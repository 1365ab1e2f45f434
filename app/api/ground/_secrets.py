"""What an answer must not tell although a row holds it: secrets in payloads and in addresses."""

import re
from typing import Any

from app.domain.ground import redaction

#: The key in the address of a file that a station fetches or brings.
_FILE_KEY = re.compile(r"(/[fu]/)[A-Za-z0-9_-]{20,}")


def blotted(value: object) -> Any:
    """Return a copy of a payload without passwords, and without keys in addresses of files."""
    return _without_keys(redaction.redact(value))


def _without_keys(value: object) -> Any:
    if isinstance(value, str):
        return _FILE_KEY.sub(rf"\1{redaction.REDACTED}", value)
    if isinstance(value, list):
        return [_without_keys(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_keys(item) for name, item in value.items()}
    return value
