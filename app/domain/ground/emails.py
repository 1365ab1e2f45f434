"""E-mail addresses as people type them."""

import re

from app.domain.ground import texts
from app.domain.ground.errors import Invalid

#: One @, a dot after it, and nothing that could end the address within a mail's header.
_PLAUSIBLE = re.compile(
    r"[^@\s<>(),:;\"\\\[\]]+@[^@\s<>(),:;\"\\\[\].]+(\.[^@\s<>(),:;\"\\\[\].]+)+"
)


def address(value: str | None, *, field: str = "email") -> str | None:
    """Return a plausible address as typed, None for none; raises `Invalid`."""
    text = texts.line(value, "The e-mail address", 254, field=field)
    if text and not _PLAUSIBLE.fullmatch(text):
        raise Invalid(f"“{text}” is not an e-mail address.", field=field)
    return text or None
