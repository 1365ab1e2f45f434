"""What the desk shows to a browser in this process."""

from typing import Any


def page(client: Any, address: str, status: int = 200) -> str:
    """The text of a page."""
    answer = client.get(address)
    assert answer.status_code == status, address
    return str(answer.text)
