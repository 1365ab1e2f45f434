"""Applications for tests in this process: one is built and lent out again and again.

To build one takes a tenth of a second, nearly all of it for the map of its routes, which is
always the same.  What a test may change is bound anew for each: settings, database, Redis,
budgets, streams, hooks.  `give_back` tells what it cannot make good.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask, g
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app import create_app, factory, reactions
from app.config import Settings
from app.extensions import db as flask_db

#: Nothing listens there: nudges to Redis fail at once and are logged, as they should be.
NO_REDIS = "redis://127.0.0.1:1/0"
#: What tests ask of Flask itself.
FOR_TESTS = {"TESTING": True, "WTF_CSRF_ENABLED": False}
#: Settings that are built into an application, or into the process: what is lent has none of them.
BUILT_IN = frozenset(
    {"trusted_proxies", "log_format", "log_level", "sentry_dsn", "traces_url", "traces_percent"}
)
#: What hooks of an application are kept in.
HOOKS = (
    "before_request_funcs",
    "after_request_funcs",
    "teardown_request_funcs",
    "teardown_appcontext_funcs",
    "template_context_processors",
    "error_handler_spec",
    "url_value_preprocessors",
    "url_default_functions",
    "shell_context_processors",
)
#: Where functions and texts of an application's templates are kept.
WORDS = ("globals", "filters", "tests")


#: What templates are compiled to, by whichever test process is first; tests/conftest.py says where.
COMPILED = FileSystemBytecodeCache(tempfile.gettempdir())


def settings_of(data_dir: Path, **given: object) -> Settings:
    """The settings of a test's application; it reaches nothing outside."""
    values: dict[str, object] = {"data_dir": data_dir, "redis_url": NO_REDIS, **given}
    return Settings(**values)  # type: ignore[arg-type]


def build(settings: Settings) -> Flask:
    """Build an application for tests."""
    app = create_app(settings=settings, **FOR_TESTS)
    app.add_pages()  # type: ignore[attr-defined]
    app.jinja_env.bytecode_cache = COMPILED
    app.before_request_funcs.setdefault(None, []).insert(0, _forget_the_last_request)
    return app


def _forget_the_last_request() -> None:
    """Requests made within a test's app context share `g`; nobody stays signed in by it."""
    for name in list(g):
        g.pop(name)


def copied(value: Any) -> Any:
    """Copy dicts and lists all the way down, and nothing else."""
    if isinstance(value, dict):
        made = value.copy()
        made.update({key: copied(inner) for key, inner in value.items()})
        return made
    return list(value) if isinstance(value, list) else value


class Kept:
    """An application that tests take in turn, and what it was like when it was new."""

    def __init__(self, data_dir: Path) -> None:
        self.app = build(settings_of(data_dir))
        self._config = dict(self.app.config)
        self._hooks = {name: copied(getattr(self.app, name)) for name in HOOKS}
        self._words = {name: dict(getattr(self.app.jinja_env, name)) for name in WORDS}
        self._routes = self._fixed()

    def bind(self, settings: Settings, **flask: object) -> None:
        """Make it as new, with these settings; `flask` is asked of Flask beside them."""
        app = self.app
        app._got_first_request = False
        app.extensions.clear()
        app.config.clear()
        app.config.update(self._config)
        factory.bind(app, settings, **{**FOR_TESTS, **flask})
        for name, hooks in self._hooks.items():
            setattr(app, name, copied(hooks))
        for name, words in self._words.items():
            kept = getattr(app.jinja_env, name)
            kept.clear()
            kept.update(words)

    def _fixed(self) -> dict[str, Any]:
        """What is never bound anew."""
        return {
            "routes": [rule.rule for rule in self.app.url_map.iter_rules()],
            "views": dict(self.app.view_functions),
            "blueprints": dict(self.app.blueprints),
            "wsgi_app": self.app.wsgi_app,
            "template loader": self.app.jinja_env.loader,
            "session interface": self.app.session_interface,
        }

    def changed(self) -> list[str]:
        """Name what a test has changed for good."""
        now = self._fixed()
        return [name for name, was in self._routes.items() if now[name] != was]

    def heard(self) -> bool:
        """Tell whether threads of the test's still listen for this application."""
        ears = (self.app.extensions[name] for name in ("live", "ends"))
        return any(ear._thread is not None for ear in ears)


#: Applications that nobody has at this moment.
_idle: list[Kept] = []


@contextmanager
def running(data_dir: Path, **given: object) -> Iterator[Flask]:
    """Lend an application on `data_dir`, within its context; settings are named as in Settings."""
    assert not BUILT_IN & given.keys(), "an application with these is built, not lent"
    kept = lent(settings_of(data_dir, **given))
    with _opened(kept.app):
        yield kept.app
    give_back(kept)


def lent(settings: Settings) -> Kept:
    """Lend an application with these settings; whoever has it gives it back."""
    if told := reactions._nudges._failed:
        # It was for whoever had the application before; only who tries it again may touch it.
        reactions._nudges.add(told.clear)
        reactions.flush(60)
    kept = _idle.pop() if _idle else Kept(settings.data_dir)
    kept.bind(settings)
    return kept


def give_back(kept: Kept) -> None:
    """Take back what was lent, for others."""
    changed = kept.changed()
    assert not changed, f"the test left the application's {', '.join(changed)} changed"
    if not kept.heard():
        _idle.append(kept)


@contextmanager
def _opened(app: Flask) -> Iterator[None]:
    with app.app_context():
        share_statements(flask_db.engine)
        try:
            yield
        finally:
            reactions.flush(1)
            flask_db.session.remove()
            flask_db.engine.dispose()


#: kind of database -> an engine whose dialect and compiled statements all others use
_first: dict[str, Engine] = {}


def share_statements(engine: Engine) -> None:
    """Compile each statement once per test process, not once per database.

    A computer that loses its power is not tried in this process: SQLite does not wait for discs.
    """
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _trust_the_power)
    first = _first.get(engine.dialect.name)
    if first is None:
        with engine.connect():  # a dialect learns at its first connection what it deals with
            _first[engine.dialect.name] = engine
        assert engine._compiled_cache is not None
        engine._compiled_cache.capacity = 10_000  # all tests together ask for some thousands
        return
    engine.dialect = first.dialect
    engine._compiled_cache = first._compiled_cache


def _trust_the_power(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF").close()
