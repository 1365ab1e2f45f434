"""What each page and each API list of the desk takes: `python -m bench.pages FOLDER --on sqlite`.

The folder is one that `bench.seed` filled.  Each address is asked for a few times in this process,
signed in as an admin.  What counts is the time of the processor, ours and that of PostgreSQL's
processes, from the request to the whole answer: that of the clock hangs on what else is done.
With `--files` a desk is run, and a few pages are read while the longest files are fetched.
"""

import argparse
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from flask import Flask
from sqlalchemy import event, func, select

from app import models
from app.domain.ground.vocabulary import SYSTEM
from app.domain.office import api_tokens, sign_ins
from app.extensions import db as flask_db
from bench import desk, seed
from bench.filling import EMAIL, Size, opened
from bench.plan import DATABASES, Plan, Row, print_rows
from bench.systems import cpu_s

GOAL_MS, PATIENCE_MS, ROUNDS = 100.0, 1_500.0, 4
#: What a name in an address stands for.
ROWS: dict[str, Any] = {
    "bill_id": models.Bill,
    "command_id": models.Command,
    "driver_id": models.Driver,
    "order_id": models.Command,
    "session_id": models.ChargingSession,
    "site_id": models.Site,
    "station_id": models.Station,
    "tag_id": models.Tag,
    "tariff_id": models.Tariff,
    "token_id": models.ApiToken,
    "user_id": models.User,
}
#: Lists as they are asked for: narrowed, sorted, searched, and far back.
MORE = (
    *("/sessions?when=all", "/sessions?when=month&billing=held", "/sessions?q=BENCH-100017"),
    *("/sessions?q=04A2191000017", "/sessions?q=999999", "/sessions?sort=energy&when=all"),
    *("/sessions?station=17&when=all", "/sessions?driver=17", "/sessions?flag=any&when=all"),
    *("/sessions?when=all&page=400", "/sessions?state=provisional&when=all", "/sessions?site=7"),
    *("/bills?when=all", "/bills?q=2024-1777777", "/bills?q=driver17@example.org"),
    *("/bills?receipt=failed&when=all", "/bills?sort=gross&when=all", "/bills?site=7&when=all"),
    *("/bills?when=all&page=400", "/bills?q=nothing+of+the+kind", "/bills?driver=17"),
    *("/bills?driver=1", "/bills?driver=1&when=all", "/drivers/1", "/sessions?driver=1"),
    *("/messages?ended=problem", "/messages?message_id=m-1000", "/messages?q=nothing+of+the+kind"),
    *("/messages?action=Heartbeat", "/messages?station=17&ended=problem", "/messages?before=1000"),
    *(
        "/search?q=BENCH-100017",
        "/search?q=2024-1777777",
        "/search?q=Driver+17",
        "/search?q=m-1000",
    ),
    *("/search?q=999999", "/search?q=nothing+of+the+kind", "/stations?q=BENCH-1000"),
    *(
        "/stations?online=no",
        "/stations?state=faulted",
        "/stations?page=150",
        "/stations?sort=-seen",
    ),
    *("/tags?q=04A2191000017", "/tags?page=300", "/drivers?q=driver17", "/drivers?page=300"),
    *("/commands?state=failed", "/commands?q=BENCH-100017", "/commands?sort=station"),
    *("/audit?q=BENCH-100017", "/audit?page=400", "/stations/17/history?kind=statuses"),
    *(
        "/api/v1/sessions?limit=500",
        "/api/v1/sessions?state=charging",
        "/api/v1/sessions?site_id=7",
    ),
    *("/api/v1/sessions/count?state=ended", "/api/v1/stations?limit=500", "/api/v1/tags?limit=500"),
)
#: Streams and files that have no end or no place here.
NOT_PAGES = re.compile(
    r"^/(live|static|f/|r/|reset/|setup/|api/docs|api/v1/events)|<any|<key>|<secret>|<name>"
)


@dataclass(frozen=True)
class Visit:
    """What an address took of the processor and by the clock, its statements and its bytes."""

    address: str
    status: int
    cpu_ms: float
    clock_ms: float
    statements: int
    size: int


def visits(app: Flask, server: psutil.Process | None, only: str = "") -> Iterator[Visit]:
    """Ask for each address; `server` is the first process of its PostgreSQL."""
    with app.app_context():
        client, bearer = _signed_in(app)
        found = [address for address in (*_addresses(app), *MORE) if only in address]
        asked: list[str] = []
        event.listen(
            flask_db.engine, "before_cursor_execute", lambda *given: asked.append(given[2])
        )
    for address in found:
        headers = {"Authorization": f"Bearer {bearer}"} if address.startswith("/api/") else {}
        answer = client.get(address, headers=headers)  # compiles templates and statements
        took: list[float] = []
        used = time.process_time() + cpu_s(server)
        while len(took) < ROUNDS and sum(took) < PATIENCE_MS:
            asked.clear()
            before = time.perf_counter()
            answer = client.get(address, headers=headers)
            took.append((time.perf_counter() - before) * 1000)
        used = (time.process_time() + cpu_s(server) - used) * 1000 / len(took)
        yield Visit(address, answer.status_code, used, median(took), len(asked), len(answer.data))


def _signed_in(app: Flask) -> tuple[Any, str]:
    db, now = flask_db.session(), datetime.now(UTC)
    db.connection(execution_options={"write": True})
    user = db.scalar(select(models.User).where(models.User.email == EMAIL))
    assert user is not None, "this database was not made by bench.seed"
    _, secret = sign_ins.begin(db, user, now=now, remembered=True)
    _, bearer = api_tokens.issue(db, SYSTEM, user, name=f"bench {now}", now=now)
    db.commit()
    flask_db.session.remove()
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = secret, True
    return client, bearer


def _addresses(app: Flask) -> Iterator[str]:
    """All that can be read: of each kind a row that is neither the newest nor the oldest."""
    known: dict[str, int | None] = {}
    for name, model in ROWS.items():
        newest = select(model.id).order_by(model.id.desc())
        some = select(newest.limit(400).subquery().c.id)
        known[name] = flask_db.session.scalar(select(func.min(some.subquery().c.id)))
    flask_db.session.remove()
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if "GET" not in (rule.methods or ()) or NOT_PAGES.search(rule.rule):
            continue
        if all(known.get(name) for name in rule.arguments):
            yield re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(known[found[1]]), rule.rule)


def rows(plan: Plan) -> list[Row]:
    """How many addresses take longer than they should, and the slowest, on each database."""
    found = []
    for on in plan.databases:
        size = Size(*(plan.scaled(count) for count in vars(Size()).values()))
        with (
            TemporaryDirectory(prefix="ampdesk-bench-") as folder,
            opened(Path(folder), on) as (app, server),
        ):
            seed.make(app, size)
            seen = list(visits(app, server))
        cost = sorted(visit.cpu_ms for visit in seen)
        slow = sum(each > GOAL_MS for each in cost)
        name = f"{DATABASES[on]}, {size.sessions:,} sessions"
        found += [
            Row(f"pages over {GOAL_MS:.0f} CPU-ms of {len(seen)}, {name}", "pages", slow, goal=1),
            Row(f"the dearest page, {name}", "CPU-ms", cost[-1], goal=GOAL_MS),
            Row(f"the page in the middle, {name}", "CPU-ms", median(cost)),
        ]
    return found


def main() -> int:
    """Print what each address took, the dearest first."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--on", choices=DATABASES, default="sqlite")
    parser.add_argument("--only", default="", help="addresses that hold this text")
    parser.add_argument("--files", action="store_true", help="pages beside files, instead")
    given = parser.parse_args()
    if given.files:
        print_rows(desk.beside_files(given.folder, given.on, Size()))
        return 0
    seen = []
    with opened(given.folder, given.on) as (app, server):
        for visit in visits(app, server, given.only):
            seen.append(visit)
            print(f"  {visit.cpu_ms:>9.1f} {visit.address}", file=sys.stderr, flush=True)
    print(f"{'CPU-ms':>9}{'ms':>9}{'SQL':>6}{'KiB':>8}  address")
    for visit in sorted(seen, key=lambda visit: -visit.cpu_ms):
        said = "" if visit.status == 200 else f"  ({visit.status})"
        figures = f"{visit.cpu_ms:>9.1f}{visit.clock_ms:>9.1f}{visit.statements:>6}"
        print(f"{figures}{visit.size / 1024:>8.0f}  {visit.address}{said}")
    slow = sum(visit.cpu_ms > GOAL_MS for visit in seen)
    print(f"{slow} of {len(seen)} addresses take more than {GOAL_MS:.0f} CPU-ms.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
