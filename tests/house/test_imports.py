"""Who may import whom: the table of HOUSE.md, walked over every syntax tree."""

import ast
from dataclasses import dataclass

import pytest

from tests.house.source import Source, is_standard, is_within, report, sources, under

PURE = tuple(
    f"app/domain/{name}"
    for name in (
        *("ground/vocabulary", "ground/events", "ground/errors"),
        *("charging/energy", "money/tariffs", "money/billing/evidence"),
        *("money/billing/flow", "money/billing/idle", "money/billing/continuity"),
    )
)
PURE_MODULES = tuple(path.replace("/", ".") for path in PURE)


@dataclass(frozen=True)
class Rule:
    """Files under `where` import `only` these beside the standard library, and `never` those."""

    where: tuple[str, ...]
    only: tuple[str, ...] | None = None
    never: tuple[str, ...] = ()


RULES = {
    "the protocol core is a calculator": Rule(
        ("worker/ocpp/",), only=("worker.ocpp", "orjson", "jsonschema_rs", "ocpp")
    ),
    "values, facts and sums need nothing": Rule(PURE, only=PURE_MODULES),
    "tables know SQLAlchemy and the vocabulary": Rule(
        ("app/models/",), only=("sqlalchemy", "app.models", "app.domain.ground.vocabulary")
    ),
    "operations know tables and operations": Rule(
        ("app/domain/",),
        only=(
            *("sqlalchemy", "app.models", "app.domain", "app.schemas"),
            *("werkzeug.security", "cryptography", "orjson", "stdnum"),
        ),
    ),
    "dialects translate and do no more": Rule(
        ("worker/dialects/",), only=("worker.ocpp", "worker.dialects", "app.domain")
    ),
    "schemas say what things look like and do nothing": Rule(
        ("app/schemas/",),
        only=("pydantic", "pydantic_core", "app.schemas", "app.domain.ground"),
    ),
    "plain nouns are data": Rule(
        ("app/resource.py",), only=("sqlalchemy", "app.models", "app.domain", "app.schemas")
    ),
    "queries only read tables": Rule(
        ("app/queries/",), only=("sqlalchemy", "app.models", "app.queries", "app.domain")
    ),
    "forms know no web framework": Rule(
        ("app/forms/",),
        only=(
            *("wtforms", "flask_wtf", "flask_babel", "email_validator"),
            *("app.forms", "app.domain", "app.schemas"),
        ),
    ),
    "views are entry points": Rule(
        ("app/views/",), never=("app.api", "app.cli", "app.tasks", "redis", "worker")
    ),
    "the API is an entry point": Rule(
        ("app/api/",), never=("app.views", "app.cli", "app.tasks", "redis", "worker")
    ),
    "commands are entry points": Rule(
        ("app/cli/",), never=("app.views", "app.api", "app.tasks", "redis", "worker")
    ),
    "tasks are entry points": Rule(
        ("app/tasks/",), never=("app.views", "app.api", "app.cli", "redis", "worker")
    ),
    "the business knows no worker": Rule(("app/",), never=("worker", "deploy", "bench", "tests")),
    "dispatching knows no socket": Rule(
        ("worker/dispatch", "worker/batch", "worker/switchboard", "worker/spool"),
        never=("geventwebsocket",),
    ),
    "sockets know no table": Rule(
        ("worker/server", "worker/link", "worker/__main__"), never=("sqlalchemy", "app.models")
    ),
    "the product knows no test": Rule(
        ("app/", "worker/", "deploy/", "wsgi.py"), never=("tests", "bench", "pytest")
    ),
}

REDIS_ALLOWED = (
    "app/extensions.py",
    "app/process/queues.py",
    "app/process/redis_servers.py",
    "app/reactions.py",
    "app/web/live.py",
    "app/web/ends.py",
    "worker/switchboard",
)


def offences(rule: Rule, source: Source) -> list[str]:
    found = []
    for line, module in source.imports():
        outside = rule.only is not None and not (
            is_standard(module) or is_within(module, rule.only)
        )
        if outside or is_within(module, rule.never):
            found.append(f"{source.path}:{line} imports {module}")
    return found


@pytest.mark.parametrize("name", RULES)
def test_imports_keep_to_the_table(name):
    rule = RULES[name]
    found = [offence for source in under(*rule.where) for offence in offences(rule, source)]
    assert not found, report(found)


def test_redis_is_spoken_in_few_places():
    found = [
        f"{source.path}:{line} imports {module}"
        for source in under("app/", "worker/")
        if not source.path.startswith(REDIS_ALLOWED)
        for line, module in source.imports()
        if is_within(module, ("redis",))
    ]
    assert not found, report(found)


def test_imports_are_absolute():
    found = [
        f"{source.path}:{node.lineno}"
        for source in sources()
        for node in source.nodes
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not found, report(found)
