"""Texts that people type: trimmed, of a length, without control characters."""

import unicodedata

from app.domain.ground.errors import Invalid


def line(value: str | None, word: str, limit: int, *, field: str, required: bool = False) -> str:
    """Return one line of text in NFC; `word` is what the sentence of `Invalid` calls it."""
    text = unicodedata.normalize("NFC", value or "").strip()
    if required and not text:
        raise Invalid(f"{word} is missing.", field=field)
    if len(text) > limit:
        raise Invalid(f"{word} may have {limit} characters at most.", field=field)
    if any(unicodedata.category(char) == "Cc" for char in text):
        raise Invalid(f"{word} holds a control character.", field=field)
    return text


def row_id(text: str | None) -> int | None:
    """The id of a row that a text is; None for any other text."""
    is_id = text and text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if text and is_id else None


def key(text: str) -> str:
    """The form in which names are compared: case does not count."""
    return unicodedata.normalize("NFC", text).strip().casefold()
