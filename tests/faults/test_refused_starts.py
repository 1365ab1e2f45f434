"""Starts that cannot work end with status 2 and one sentence that names what to change."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.config import Settings
from deploy.processes import ROOT, commands
from tests.support.processes import free_port
from tests.support.running import Running
from tests.support.wait import eventually

PATIENCE_S = 120


def start(data_dir: Path, command: Sequence[str] = ("-m", "deploy.run"), **settings: object):
    """Run a program of Ampdesk that is expected to end by itself."""
    given = {
        "data_dir": data_dir,
        "web_port": free_port(),
        "ocpp_port": free_port(),
        "demo": 0,
        **settings,
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AMPDESK_")}
    environment |= {f"AMPDESK_{name.upper()}": str(value) for name, value in given.items()}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


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
def test_a_wrong_setting_is_named(tmp_path, name, value):
    ended = start(tmp_path, **{name: value})
    assert ended.returncode == 2
    assert f"AMPDESK_{name.upper()}" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("name", ["web_port", "ocpp_port"])
def test_a_port_in_use_is_named_with_the_setting_that_changes_it(tmp_path, name):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = start(tmp_path, **{name: port})
    assert ended.returncode == 2
    assert str(port) in ended.stderr
    assert f"AMPDESK_{name.upper()}" in ended.stderr


@pytest.mark.parametrize("certificate", ["", "no-such-file.pem"])
def test_tls_without_its_files_is_named(tmp_path, certificate):
    ended = start(tmp_path, ("-m", "worker"), ocpp_tls_port=free_port(), ocpp_tls_cert=certificate)
    assert ended.returncode == 2
    assert ended.stderr.startswith("ampdesk: ")
    assert "AMPDESK_OCPP_TLS_CERT" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    ended = start(in_the_way / "data")
    assert ended.returncode == 2
    assert str(in_the_way) in ended.stderr
    assert "AMPDESK_DATA_DIR" in ended.stderr


def test_a_redis_that_does_not_answer_is_named_and_chargers_are_served(tmp_path):
    running = Running(tmp_path / "data", redis_url=f"redis://127.0.0.1:{free_port()}/0", demo=0)
    try:
        eventually(lambda: "AMPDESK_REDIS_URL" in running.said(), 60, "it is said")
        eventually(lambda: "chargers connect to" in running.said(), 60, "the worker serves")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    finally:
        running.end()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path):
    file = tmp_path / "ampdesk.sqlite3"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    ended = start(tmp_path)
    assert ended.returncode == 2
    assert "newer" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_slip_of_the_pen_is_pointed_out(tmp_path):
    ended = start(tmp_path, web_prot=8000, web_port="none")
    assert ended.returncode == 2
    assert "AMPDESK_WEB_PORT" in ended.stderr


@pytest.mark.parametrize("program", ["web", "worker"])
def test_a_server_refuses_a_database_that_is_behind(tmp_path, program):
    settings = Settings(data_dir=tmp_path, web_port=free_port(), ocpp_port=free_port())
    ended = start(tmp_path, commands(settings)[program][1:])
    assert ended.returncode == 2
    assert "behind" in ended.stderr
    assert "flask db upgrade" in ended.stderr
