"""A desk in this process, filled with a network, on a free port and a real Redis; for browsers.

Desks are lent from test to test, each with its server and its port: a browser has the scripts of
its address by then, and the desk its templates and static files.
"""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from app import reactions
from app.config import Settings
from app.extensions import db as flask_db
from app.models import Station, WorkerNode
from app.uow import unit_of_work
from tests.support import apps, seed, sockets
from tests.support.network import Network
from tests.support.redis import RedisServer


@dataclass
class Desk:
    """A served desk; `ids` are the ids of the seeded rows by name (`session:running`)."""

    app: Flask
    url: str
    ids: dict[str, int]

    @contextmanager
    def work(self) -> Iterator[Session]:
        """Change something as the worker would; pages hear of it."""
        with self.app.app_context():
            with unit_of_work() as db:
                yield db
            reactions.flush(2)
            flask_db.session.remove()

    def connect(self, db: Session, station: Station, protocol: str = "ocpp1.6") -> None:
        """Connect a station that can do all, to a worker that lives while the browser is slow."""
        now = datetime.now(UTC)
        orders = sockets.EVERY_ORDER
        sockets.connect(db, station, node="seed", protocol=protocol, orders=orders, now=now)
        db.get_one(WorkerNode, "seed").beat_at = now + timedelta(hours=1)

    def cookie(self, role: str) -> dict[str, Any]:
        """The cookie of a signed-in member of staff."""
        signer = SecureCookieSessionInterface().get_signing_serializer(self.app)
        assert signer is not None
        value = signer.dumps({"_user_id": seed.cookie_of(self.ids[role]), "_fresh": True})
        return {"name": "ampdesk", "value": value, "url": self.url}


class Served:
    """An application that is served at a port of its own until this process ends."""

    def __init__(self, data_dir: Path) -> None:
        self.kept = apps.Kept(data_dir)
        server = make_server("127.0.0.1", 0, self.kept.app, threaded=True)
        server.daemon_threads = True  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.port}"

    def end_streams(self) -> None:
        """Have whoever still listens hear no more; the thread that listens for them ends soon."""
        for listener in list(self.kept.app.extensions["live"]._listeners):
            listener.end()


@pytest.fixture(scope="session")
def _desks() -> list[Served]:
    """Desks that tests take in turn."""
    return []


@pytest.fixture
def desk(
    network: Network, tmp_path: Path, redis_server: RedisServer, _desks: list[Served]
) -> Iterator[Desk]:
    """A desk with the seeded network, as in life; nobody has used it."""
    shutil.copy(network.path, tmp_path / "ampdesk.sqlite3")
    settings = Settings(data_dir=tmp_path, redis_url=redis_server.url)
    quiet = next((one for one in _desks if not one.kept.heard()), None)
    served = quiet or Served(settings.data_dir)
    if quiet:
        _desks.remove(quiet)
    app = served.kept.app
    served.kept.bind(settings, TESTING=False, WTF_CSRF_ENABLED=True)
    with app.app_context():
        apps.share_statements(flask_db.engine)
    yield Desk(app, served.url, _ids(network))
    served.end_streams()
    with app.app_context():
        flask_db.engine.dispose()
    assert not served.kept.changed()
    _desks.append(served)


def _ids(network: Network) -> dict[str, int]:
    """Names and ids: `admin`, `station:CP-01`, `session:running`."""
    prefix = {"people": "", "stations": "station:", "sessions": "session:"}
    return {
        f"{prefix[group]}{name}": number
        for (group, name), (_, number) in network.rows.items()
        if group in prefix
    }


@pytest.fixture
def sign_in(desk: Desk) -> Callable[[Any, str], None]:
    """Give a browser page the cookie of a member of staff: `sign_in(page, "operator")`."""

    def give(page: Any, role: str) -> None:
        page.context.add_cookies([desk.cookie(role)])

    return give


@pytest.fixture
def complaints(page: Any) -> list[str]:
    """What the browser complains about: errors, and everything that the policy forbade."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    return found
