"""Builds the Flask application: settings, extensions, blueprints, commands, error pages."""

import importlib
import logging
import pkgutil
import sys
import threading
from collections.abc import Iterator
from functools import cached_property
from types import ModuleType
from typing import Any

from flask import Blueprint, Flask, Request
from werkzeug.routing import MapAdapter

from app import config, extensions, reactions, uow
from app.cli import Commands
from app.config import Settings, WrongSetting
from app.domain.ground.vocabulary import Area
from app.domain.office import staff
from app.extensions import babel, csrf, db, htmx, limiter, login, migrate
from app.process import logs, postgresql, queues, redis_servers, traces
from app.web import (
    areas,
    assets,
    doorkeeper,
    error_pages,
    filters,
    kept,
    live,
    once,
    security,
    tables,
)

log = logging.getLogger(__name__)


class Ampdesk(Flask):
    """The application, without its pages until one is asked for.

    All programs but the desk need no page but for the address of one, and start sooner without.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cli = Commands(self.name)
        self._has_pages, self._adding = False, threading.Lock()
        #: blueprint -> the module in which it stands.
        self.homes: dict[str, str] = {}

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Bind the addresses; that of a request is the first that needs them."""
        if request is not None:
            self.add_pages()
        return super().create_url_adapter(request)

    def add_pages(self) -> None:
        """Register the pages and the API, once; whoever asks meanwhile waits."""
        if self._has_pages:
            return
        with self._adding:
            if not self._has_pages:
                self._add_pages()
                self._has_pages = True

    def _add_pages(self) -> None:
        from app.api.ground._noun import Noun  # who needs no pages starts sooner without

        for module, pages in _hung("app.views", Blueprint):
            self.register_blueprint(pages)
            self.homes[pages.name] = module
        for module, noun in _hung("app.api", Noun, Blueprint):
            pages = getattr(noun, "blueprint", noun)
            self.register_blueprint(pages)
            csrf.exempt(pages)
            self.homes[pages.name] = module

    @cached_property
    def areas(self) -> dict[str, Area | None]:
        """Which area each address lies in."""
        self.add_pages()
        return areas.found(self, self.homes)


def create_app(settings: Settings | None = None, **flask_config: Any) -> Flask:
    """Build the application; a wrong setting ends the process with status 2.

    Arguments: `settings` (default: read from the environment) and any Flask
    configuration that a test wants to override.
    """
    if settings is None:
        settings = settings_or_exit()
    app = Ampdesk(
        "ampdesk",
        root_path=str(_root()),
        template_folder="templates",
        static_folder=None,
    )
    app.url_map.converters["int"] = security.RowNumber
    logs.configure(settings)
    traces.configure(settings)
    bind(app, settings, **flask_config)
    if "routes" in sys.argv:  # the one command that looks at the pages
        app.add_pages()
    for _ in _modules("app.tasks"):
        pass
    for part in (assets, security, once, error_pages, filters, tables, live, kept, logs, traces):
        part.register(app)
    return app


def settings_or_exit() -> Settings:
    """Read the settings; on a wrong one, say which and exit with status 2."""
    try:
        settings = Settings.from_environment()
    except WrongSetting as error:
        print(f"ampdesk: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    for sentence in config.unknown_settings():
        print(f"ampdesk: {sentence}", file=sys.stderr)
    return settings


def _root() -> Any:
    from pathlib import Path

    return Path(__file__).resolve().parent.parent


def _flask_config(settings: Settings) -> dict[str, Any]:
    counts, options = redis_servers.limits_address(settings.redis_address)
    return {
        "SETTINGS": settings,
        "SECRET_KEY": settings.signing_key(),
        "SQLALCHEMY_DATABASE_URI": settings.database_uri,
        "SQLALCHEMY_ENGINE_OPTIONS": uow.engine_options(settings.database_uri),
        "SESSION_COOKIE_NAME": "ampdesk",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.secure_cookies,
        "REMEMBER_COOKIE_NAME": "ampdesk_remember",
        "REMEMBER_COOKIE_SAMESITE": "Lax",
        "REMEMBER_COOKIE_SECURE": settings.secure_cookies,
        "PERMANENT_SESSION_LIFETIME": 12 * 3600,
        "MAX_CONTENT_LENGTH": 8 * 1024 * 1024,
        # An import that was looked through comes back as the text of a form.
        "MAX_FORM_MEMORY_SIZE": 4 * 1024 * 1024,
        "WTF_CSRF_TIME_LIMIT": None,
        "RATELIMIT_STORAGE_URI": counts,
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
        "RATELIMIT_STORAGE_OPTIONS": options,
        "BABEL_TRANSLATION_DIRECTORIES": "templates/translations",
        # Texts of the desk; what drivers read has a catalogue of its own (app/text/writers.py).
        "BABEL_DOMAIN": "desk",
    }


def bind(app: Flask, settings: Settings, **flask_config: Any) -> None:
    """Give the application its settings and all that follows from them: database, Redis, budgets.

    Arguments: as of `create_app`.
    """
    app.config.from_mapping(_flask_config(settings))
    app.config.from_mapping(flask_config)
    app.extensions["redis"] = redis_servers.make_redis(settings.redis_address)
    # Whatever else takes connections, nudges have theirs.
    app.extensions["redis_of_nudges"] = redis_servers.make_redis(settings.redis_address)
    app.extensions["reactions"] = reactions
    staff.run = extensions.off_the_loop
    db.init_app(app)
    with app.app_context():
        if settings.database_uri.startswith("sqlite"):
            uow.tune_sqlite(db.engine)
        else:
            postgresql.tune(db.engine)
            postgresql.mind_answers()
    migrate.init_app(app, db)
    login.init_app(app)
    csrf.init_app(app)
    htmx.init_app(app)
    babel.init_app(app, locale_selector=security.locale)
    limiter.init_app(app)
    doorkeeper.register(app)
    live.bind(app)
    queues.make_celery(app)


def _modules(package: str) -> Iterator[ModuleType]:
    """The public modules of a floor, in all of its rooms."""
    folder = importlib.import_module(package)
    for item in pkgutil.walk_packages(folder.__path__, f"{package}."):
        if not item.ispkg and not item.name.rpartition(".")[2].startswith("_"):
            yield importlib.import_module(item.name)


def _hung(package: str, *kinds: type) -> Iterator[tuple[str, Any]]:
    """What the modules of a floor are to be reached by, as it stands in each."""
    for module in _modules(package):
        for one in vars(module).values():
            if isinstance(one, kinds):
                yield module.__name__, one
