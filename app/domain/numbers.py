"""Numbers of requests whose answers arrive as messages of their own."""

from datetime import datetime


def of_request(now: datetime) -> int:
    """A number that no other request of the last weeks has, within 31 bits."""
    return int(now.timestamp() * 1000) % 2**31
