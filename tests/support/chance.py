"""How long tests of chance go on, what texts they try, and which of many cases come later."""

import os
from typing import Any

import pytest
from hypothesis import strategies as st

#: `make test-all` says so.
BY_NIGHT = os.environ.get("TESTS_BY_NIGHT") == "1"


def tries(by_night: int) -> int:
    """So many examples by night, a third of them by day."""
    return by_night if BY_NIGHT else -(-by_night // 3)


def at_landing(*cases: Any) -> list[Any]:
    """Further cases of a parameter, tried before a change is taken (`make test-landing`)."""
    return [pytest.param(case, marks=pytest.mark.landing) for case in cases]


def texts(**sizes: Any) -> st.SearchStrategy[str]:
    """Any text that UTF-8 can say: `st.text` tries a million characters to find out which it can.

    That takes two seconds of each process, until Hypothesis has written down what it found.
    """
    return st.text(st.characters(exclude_categories=["Cs"]), **sizes)
