"""What must come back for a frame, worked out in another way than the product does."""

import json
from typing import Any

#: Longest message id that is still one.
LONGEST_ID = 255


def expected(text: str, old: bool, strict: bool) -> Any:
    """The message id of the one answer that this text must get; None: nothing is certain.

    Certain is only what is a call in valid JSON.  `old` is 1.6, which answers no call whose
    message id cannot be read; newer versions do, with "-1".  Unless `strict` any id is one.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, list) or not value or value[0] != 2:
        return None
    if type(value[0]) is not int:
        return None
    message_id = value[1] if len(value) > 1 else None
    is_plain = isinstance(message_id, str) and len(message_id) <= LONGEST_ID
    if is_plain or (isinstance(message_id, str) and not strict and len(value) > 2):
        return message_id if _is_unicode(text + message_id) else None
    if type(message_id) in (int, float):
        return message_id if abs(message_id) < 2**63 else None
    if not strict and len(value) > 2:
        return message_id if isinstance(message_id, bool) else None
    return None if old else "-1"


def _is_unicode(text: str) -> bool:
    """Half characters cannot be put on the wire."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
