"""One event is one line of the log, whatever a charger or a browser wrote into it."""

import io
import json
import logging

import pytest

from app import factory
from app.config import Settings

FORGED = "CP-1\r\n2026-01-01T00:00:00Z [info] all is well\x1b[2J\u2028\x85"


@pytest.fixture(params=["plain", "json"])
def log(request, tmp_path, monkeypatch):
    """What is written to standard error while the log has this form."""
    root, written = logging.getLogger(), io.StringIO()
    before, level = root.handlers[:], root.level
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", written)
        factory.configure(Settings(data_dir=tmp_path, log_format=request.param))
    yield written
    root.handlers[:] = before
    root.setLevel(level)


def test_a_text_forges_no_line(log):
    logging.getLogger("worker").warning("refused %s", FORGED)
    text = log.getvalue()
    assert len(text.splitlines()) == 1
    assert "\x1b" not in text and "all is well" in text


def test_a_failure_forges_no_line_either(log):
    try:
        raise ValueError(FORGED)
    except ValueError:
        logging.getLogger("worker").exception("failed")
    assert "\x1b" not in log.getvalue()
    assert not [line for line in log.getvalue().splitlines() if line.startswith("2026-01-01")]


def test_a_long_text_is_cut(log):
    logging.getLogger("worker").warning("refused %s", "x" * 100_000)
    assert 1_000 < len(log.getvalue()) < 5_000


@pytest.mark.parametrize("log", ["json"], indirect=True)
def test_a_machine_can_read_every_line(log):
    logging.getLogger("worker").warning("refused %s", FORGED)
    assert json.loads(log.getvalue())["level"] == "warning"
