"""Starts that cannot work end with status 2 and one sentence that names what to change."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import Settings
from deploy import run as deploy_run
from deploy.processes import ROOT, commands
from tests.support.processes import Process, free_port
from tests.support.running import Running
from tests.support.wait import eventually

PATIENCE_S = 120


def settled(data_dir: Path, **settings: object) -> dict[str, str]:
    """The environment in which a program has these settings, and no others of Ampdesk's."""
    given = {
        "data_dir": data_dir,
        "web_port": free_port(),
        "ocpp_port": free_port(),
        "demo": 0,
        **settings,
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AMPDESK_")}
    return environment | {f"AMPDESK_{name.upper()}": str(value) for name, value in given.items()}


def start(data_dir: Path, **settings: object) -> tuple[int, str]:
    """Run `make run`'s program, which is expected to end by itself; its status, and its errors."""
    ended = subprocess.run(
        [sys.executable, "-m", "deploy.run"],
        cwd=ROOT,
        env=settled(data_dir, **settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return ended.returncode, ended.stderr


@pytest.fixture
def run(monkeypatch, capsys):
    """`make run`'s program in this process, as far as to where it would begin to start others."""

    def beyond(*_: object) -> None:
        raise AssertionError("it went on to start")

    monkeypatch.setattr("deploy.prepare.in_own_process", beyond)

    def started(data_dir: Path, **settings: object) -> tuple[int, str]:
        environment = settled(data_dir, **settings)
        for name in set(os.environ) - set(environment):
            monkeypatch.delenv(name)
        for name in set(environment) - set(os.environ) | {"AMPDESK_DATA_DIR"}:
            monkeypatch.setenv(name, environment[name])
        return deploy_run.main(), capsys.readouterr().err

    return started


def server(name: str, folder: Path, **settings: object) -> tuple[int, str]:
    """Start a worker or a desk that is expected to end; its status, and what it said."""
    known = Settings(data_dir=folder, web_port=free_port(), ocpp_port=free_port())
    process = Process(name, commands(known)[name], settled(folder, **settings), folder / "log")
    process.start()
    assert process.process is not None
    return process.process.wait(PATIENCE_S), process.log.read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("web_port", "eighty"),
        ("ocpp_port", "70000"),
        ("validation", "lenient"),
        ("database_url", "mysql://somewhere/ampdesk"),
        ("demo", "perhaps"),
        ("admin_password", "short"),
    ],
)
def test_a_wrong_setting_is_named(run, tmp_path, name, value):
    status, said = run(tmp_path, **{name: value})
    assert status == 2
    assert f"AMPDESK_{name.upper()}" in said


@pytest.mark.parametrize("name", ["web_port", "ocpp_port"])
def test_a_port_in_use_is_named_with_the_setting_that_changes_it(run, tmp_path, name):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, said = run(tmp_path, **{name: port})
    assert status == 2
    assert str(port) in said
    assert f"AMPDESK_{name.upper()}" in said


@pytest.mark.parametrize("certificate", ["", "no-such-file.pem"])
def test_tls_without_its_files_is_named(tmp_path, certificate):
    status, said = server(
        *("worker", tmp_path), ocpp_tls_port=free_port(), ocpp_tls_cert=certificate
    )
    assert status == 2
    assert said.startswith("ampdesk: ")
    assert "AMPDESK_OCPP_TLS_CERT" in said
    assert len(said.splitlines()) == 1


def test_a_data_folder_that_cannot_be_written_is_named(run, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    status, said = run(in_the_way / "data")
    assert status == 2
    assert str(in_the_way) in said
    assert "AMPDESK_DATA_DIR" in said


def test_a_redis_that_does_not_answer_is_named_and_waited_for(run, tmp_path, capsys):
    with pytest.raises(AssertionError, match="it went on to start"):
        run(tmp_path, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    assert "It is waited for; AMPDESK_REDIS_URL names it." in capsys.readouterr().err


# By day: a Redis of one's own in tests/deploy/test_readme.py, the orderly end of all in test_run.py
# beside it, chargers without Redis in test_readiness.py.
@pytest.mark.nightly
def test_a_redis_that_does_not_answer_is_named_and_chargers_are_served(tmp_path):
    running = Running(tmp_path / "data", redis_url=f"redis://127.0.0.1:{free_port()}/0", demo=0)
    try:
        eventually(lambda: "AMPDESK_REDIS_URL" in running.said(), what="it is said")
        eventually(lambda: "chargers connect to" in running.said(), what="the worker serves")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    finally:
        running.end()


@pytest.mark.nightly
def test_a_database_of_a_newer_version_is_left_alone(tmp_path):
    file = tmp_path / "ampdesk.sqlite3"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    status, said = start(tmp_path)
    assert status == 2
    assert "newer" in said
    assert "Traceback" not in said


@pytest.mark.landing
def test_a_slip_of_the_pen_is_pointed_out(tmp_path):
    status, said = start(tmp_path, web_prot=8000, web_port="none")
    assert status == 2
    assert "AMPDESK_WEB_PORT" in said
    assert "Traceback" not in said


@pytest.mark.landing
@pytest.mark.parametrize("program", ["web", "worker"])
def test_a_server_refuses_a_database_that_is_behind(tmp_path, program):
    status, said = server(program, tmp_path)
    assert status == 2
    assert "behind" in said
    assert "flask db upgrade" in said
