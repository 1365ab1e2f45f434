"""Numbers that go over the wire: those of our requests, and those that stations make up."""

from datetime import datetime


def of_request(now: datetime) -> int:
    """A number that no other request of the last weeks has, within 31 bits."""
    return int(now.timestamp() * 1000) % 2**31


def fitting(number: int, most: int = 2**31 - 1) -> int:
    """A number as a column can hold it: what is beyond is cut, for it means nothing anyway."""
    return max(0, min(number, most))
