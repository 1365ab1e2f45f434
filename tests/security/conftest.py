"""One town for all tests of security: they look, and change nothing that another looks at."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from app import create_app, reactions
from app.config import Settings
from app.extensions import db as flask_db
from tests.security import town as town_maker
from tests.security.town import Side, Town
from tests.support import apps, prepared
from tests.support.apps import COMPILED, NO_REDIS


@pytest.fixture(scope="session")
def town(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The town, with CSRF protection off: it has tests of its own."""
    folder = tmp_path_factory.mktemp("town")
    sides = prepared.once("town", partial(_built, migrated))
    shutil.copy(prepared.FOLDER / "town/ampdesk.sqlite3", folder)
    settings = Settings(data_dir=folder, redis_url=NO_REDIS, api_rate="")
    app = create_app(settings=settings, TESTING=True, WTF_CSRF_ENABLED=False)
    app.jinja_env.bytecode_cache = COMPILED
    app.add_pages()
    yield Town(app, *sides)
    with app.app_context():
        reactions.flush(1)
        flask_db.engine.dispose()


def _built(migrated: Path, folder: Path) -> tuple[Side, Side, Side, Side]:
    shutil.copy(migrated, folder / "ampdesk.sqlite3")
    with apps.running(folder) as app:
        made = town_maker.build(app, datetime.now(UTC) - timedelta(minutes=1))
    prepared.in_one_file(folder / "ampdesk.sqlite3")
    return made.theirs, made.ours, made.hidden, made.near
