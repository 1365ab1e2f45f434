"""The baseline: the Node program of bench/baseline/ on a PostgreSQL of its own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import psycopg

from bench.installation import Known, postgres
from deploy import redis_server
from deploy.keep import ending_with
from deploy.processes import ROOT

FOLDER = ROOT / "bench" / "baseline"


def lacking() -> str:
    """Fetch what the baseline needs; return why it cannot be measured here, mostly nothing."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "Node is not installed"
    if (FOLDER / "node_modules" / "pg").is_dir():
        return ""
    print("bench: fetching the packages of the baseline ...", flush=True)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
    return "" if done.returncode == 0 else f"npm ci failed: {done.stderr[-500:]}"


@contextmanager
def running(
    chargers: int,
) -> Iterator[tuple[int, list[Known], psutil.Process, psutil.Process, str]]:
    """Run it; yield its port, its stations, its process, that of its database, and the URL."""
    stations = [(f"BENCH-{n:05}", "", f"BENCH{n:05}") for n in range(chargers)]
    port = redis_server.free_port()
    with postgres() as (url, database):
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute((FOLDER / "schema.sql").read_bytes())
            cursor.executemany(
                "INSERT INTO stations (identity) VALUES (%s)", [(one[0],) for one in stations]
            )
            cursor.executemany(
                "INSERT INTO tags (value, driver_id) VALUES (%s, %s)",
                [(one[2], number) for number, one in enumerate(stations)],
            )
        with subprocess.Popen(
            ["node", "server.mjs", str(port), url],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=ending_with(os.getpid()),
        ) as process:
            assert process.stdout is not None
            try:
                if process.stdout.readline().strip() != "ready":
                    raise RuntimeError("the baseline did not start")
                yield port, stations, psutil.Process(process.pid), database, url
            finally:
                process.kill()


def count(url: str, table: str) -> int:
    """The number of rows of one of its tables."""
    with psycopg.connect(url) as connection:
        found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]
    return int(found[0]) if found else 0
