"""One event is one line of the log, whatever a charger or a browser wrote into it."""

import io
import json
import logging

import pytest

from app.config import Settings
from app.process import logs

FORGED = "CP-1\r\n2026-01-01T00:00:00Z [info] all is well\x1b[2J\u2028\x85"


@pytest.fixture(params=["plain", "json"])
def log(request, tmp_path, monkeypatch):
    """What is written to standard error while the log has this form."""
    root, written = logging.getLogger(), io.StringIO()
    before, level = root.handlers[:], root.level
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", written)
        logs.configure(Settings(data_dir=tmp_path, log_format=request.param))
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


def fail(text="a sweep failed"):
    try:
        raise ConnectionError("no database")
    except ConnectionError:
        logging.getLogger("worker").exception(text)


def turn():
    """Have a minute pass."""
    [handler] = [one for one in logging.getLogger().handlers if isinstance(one, logs.Once)]
    handler.turn()


def test_what_fails_again_and_again_is_said_then_counted(log):
    for _ in range(200):
        fail()
    text = log.getvalue()
    assert text.count("a sweep failed") == logs.SAID
    assert text.count("Traceback") == 1
    turn()
    assert (
        f"a sweep failed: no database ({200 - logs.SAID} times more)"
        in (log.getvalue().splitlines()[-1])
    )


def test_what_goes_on_is_only_counted_and_what_had_ended_is_new(log):
    for _ in range(3):
        for _ in range(10):
            fail()
        turn()
    assert log.getvalue().count("Traceback") == 1
    assert log.getvalue().count("(10 times more)") == 2
    turn()
    fail()
    assert log.getvalue().count("Traceback") == 2


def test_another_failure_is_said_beside_one_that_is_counted(log):
    for number in range(20):
        logging.getLogger("worker").warning("refused %s", number)
        logging.getLogger("worker").warning("refused %s", ValueError(number))
    logging.getLogger("worker.gate").warning("refused %s", 1)
    assert len(log.getvalue().splitlines()) == 2 * logs.SAID + 1


def test_texts_that_were_filled_in_beforehand_make_no_flood_either(log):
    for number in range(logs.KINDS + 100):
        fail(f"/stations/{number} failed")
        logging.getLogger("worker").warning(f"refused {number}")
    assert len(log.getvalue().splitlines()) < logs.KINDS + 50


@pytest.mark.parametrize("log", ["json"], indirect=True)
def test_a_line_says_what_the_work_is_about(log):
    with logs.about(station="CP-1", message_id="17"):
        logging.getLogger("worker").info("as it is")
    logging.getLogger("worker").info("as it is")
    within, without = (json.loads(line) for line in log.getvalue().splitlines())
    assert (within["station"], within["message_id"]) == ("CP-1", "17")
    assert "station" not in without
