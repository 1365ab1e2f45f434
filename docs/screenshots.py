"""Take the pictures of the README: `python docs/screenshots.py` (needs Chromium).

They show the seeded network of the tests, served by this process with a Redis of its own.
"""

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from flask import Flask  # noqa: E402
from flask.sessions import SecureCookieSessionInterface  # noqa: E402
from flask_migrate import upgrade  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

from app import create_app  # noqa: E402
from app.config import Settings  # noqa: E402
from app.extensions import db as flask_db  # noqa: E402
from tests.support import seed  # noqa: E402
from tests.support.browser import chromium  # noqa: E402
from tests.support.redis import RedisServer  # noqa: E402

#: picture -> (address, width, height, colours)
PICTURES = {
    "desk": ("/", 1440, 900, "light"),
    "session": ("/sessions/{finished}", 1440, 1000, "light"),
}


@contextmanager
def desk(folder: Path) -> Iterator[tuple[Flask, str, dict[str, int]]]:
    """Serve the seeded network; yields the application, its address and the ids of some rows."""
    redis = RedisServer(folder)
    redis.start()
    app = create_app(settings=Settings(data_dir=folder, redis_url=redis.url))
    with app.app_context():
        upgrade(directory=str(FOLDER.parent / "migrations"))
        db = flask_db.session()
        made = seed.fill(db, datetime.now(UTC))
        db.commit()
        ids = {
            "admin": made.people["admin"].id,
            "finished": made.sessions["finished"].id,
        }
        flask_db.session.remove()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield app, f"http://127.0.0.1:{server.port}", ids
    finally:
        server.shutdown()
        redis.stop()


def main() -> None:
    """Write every picture beside this file."""
    with tempfile.TemporaryDirectory() as folder, desk(Path(folder)) as (app, url, ids):
        signer = SecureCookieSessionInterface().get_signing_serializer(app)
        assert signer is not None
        cookie = signer.dumps({"_user_id": seed.cookie_of(ids["admin"]), "_fresh": True})
        with chromium() as browser:
            for name, (address, width, height, colours) in PICTURES.items():
                size = {"width": width, "height": height}
                context = browser.new_context(viewport=size, color_scheme=colours, locale="en-GB")
                context.add_cookies([{"name": "ampdesk", "value": cookie, "url": url}])
                page = context.new_page()
                page.goto(url + address.format(**ids))
                page.locator(".side-foot .dot-live").wait_for(state="attached")
                page.evaluate("document.fonts.ready")
                page.screenshot(path=str(FOLDER / f"{name}.png"))
                context.close()
                print(f"docs/{name}.png")


if __name__ == "__main__":
    main()
