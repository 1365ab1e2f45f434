"""One town for all tests of security: they look, and change nothing that another looks at."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import create_app, reactions
from app.config import Settings
from app.extensions import db as flask_db
from tests.security import town as town_maker
from tests.security.town import Town
from tests.support.apps import COMPILED, NO_REDIS


@pytest.fixture(scope="session")
def town(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The town, with CSRF protection off: it has tests of its own."""
    folder = tmp_path_factory.mktemp("town")
    shutil.copy(migrated, folder / "ampdesk.sqlite3")
    settings = Settings(data_dir=folder, redis_url=NO_REDIS, api_rate="")
    app = create_app(settings=settings, TESTING=True, WTF_CSRF_ENABLED=False)
    app.jinja_env.bytecode_cache = COMPILED
    app.add_pages()
    yield town_maker.build(app, datetime.now(UTC) - timedelta(minutes=1))
    with app.app_context():
        reactions.flush(1)
        flask_db.engine.dispose()
