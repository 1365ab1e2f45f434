"""How long tests of chance go on."""

import os

#: `make test-all` says so.
BY_NIGHT = os.environ.get("TESTS_BY_NIGHT") == "1"


def tries(by_night: int) -> int:
    """So many examples by night, a third of them by day."""
    return by_night if BY_NIGHT else -(-by_night // 3)
