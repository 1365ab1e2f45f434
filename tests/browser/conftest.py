"""A desk in this process, filled with a network, on a free port and a real Redis; for browsers."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from app import create_app, reactions
from app.config import Settings
from app.extensions import db as flask_db
from app.uow import unit_of_work
from tests.support import seed
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

    def cookie(self, role: str) -> dict[str, Any]:
        """The cookie of a signed-in member of staff."""
        signer = SecureCookieSessionInterface().get_signing_serializer(self.app)
        assert signer is not None
        value = signer.dumps({"_user_id": f"{self.ids[role]}:1", "_fresh": True})
        return {"name": "ampdesk", "value": value, "url": self.url}


@pytest.fixture
def desk(migrated: Path, tmp_path: Path, redis_server: RedisServer) -> Iterator[Desk]:
    """A desk with the seeded network; it ends with the test."""
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    settings = Settings(data_dir=tmp_path, redis_url=redis_server.url)
    app = create_app(settings=settings, TESTING=False)
    ids = _filled(app)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Desk(app, f"http://127.0.0.1:{server.port}", ids)
    server.shutdown()
    thread.join(5)
    server.server_close()
    with app.app_context():
        flask_db.engine.dispose()


def _filled(app: Flask) -> dict[str, int]:
    with app.app_context():
        db = flask_db.session()
        made = seed.fill(db, datetime.now(UTC), history=6)
        db.commit()
        named = {
            **made.people,
            **{f"station:{name}": row for name, row in made.stations.items()},
            **{f"session:{name}": row for name, row in made.sessions.items()},
        }
        ids = {name: row.id for name, row in named.items()}
        flask_db.session.remove()
        return ids


@pytest.fixture
def sign_in(desk: Desk) -> Callable[[Any, str], None]:
    """Give a browser page the cookie of a member of staff: `sign_in(page, "operator")`."""

    def give(page: Any, role: str) -> None:
        page.context.add_cookies([desk.cookie(role)])

    return give
