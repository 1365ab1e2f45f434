"""docs/money.md: its table of doubts is that of the code, and its faults are caught."""

import importlib.util
from pathlib import Path

import pytest

from app.domain.ground.vocabulary.doubts import DOUBTS, About
from bench.energy_faults import KINDS, row_of
from tests.support.chance import tries

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
#: What may be wrong, or held without need, of so many sessions.
SESSIONS, MOST_PERCENT = 120, 1.0
#: A fault that is rare but near the limit needs more, the others fewer by day.  Without readings
#: they are cheap.
MORE_SESSIONS = {"reset without samples": 1000}
#: Faults that only the plug's earlier sessions show in full: nothing else contradicts them.
BY_THE_PAST = ("begin 0", "stop spike", "reset without samples")
HONEST = tuple(name for name in KINDS if name.startswith("none"))
COARSE = ("begin 0, coarse", "no begin, coarse", "stop spike, coarse", "contradicting ends, coarse")
FAULTY = tuple(name for name in KINDS if name not in HONEST and "coarse" not in name)


@pytest.fixture(scope="module")
def tables():
    spec = importlib.util.spec_from_file_location("money_tables", DOCS / "money_tables.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_table_of_doubts_is_current(tables):
    page = tables.FILE.read_text(encoding="utf-8")
    assert tables.between(page, "doubts") == tables.doubts(), "run `make docs`"


def test_every_doubt_is_in_the_table_once(tables):
    rows = [line for line in tables.doubts().splitlines() if "|" in line and "|---" not in line]
    assert len(rows) == len(DOUBTS) + len(About)


def test_the_committed_table_of_faults_names_all_that_are_studied(tables):
    page = tables.FILE.read_text(encoding="utf-8")
    rows = tables.between(page, "faults").splitlines()[2:]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(KINDS)


@pytest.mark.parametrize("name", [*FAULTY, *COARSE])
def test_a_fault_is_never_billed_without_a_word(name):
    """At most one session in a hundred: what cannot be seen is told in docs/money.md."""
    row = row_of(name, MORE_SESSIONS.get(name, tries(180)))
    by_past = name.removesuffix(", coarse") in BY_THE_PAST
    wrong = row.wrong_with_past_percent if by_past else row.wrong_percent
    assert wrong <= MOST_PERCENT, row


@pytest.mark.parametrize("name", HONEST)
def test_honest_sessions_are_billed_and_right(name):
    row = row_of(name, SESSIONS)
    assert 100 * row.held / row.sessions <= MOST_PERCENT, row
    assert row.wrong == row.wrong_with_past == 0, row
