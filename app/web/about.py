"""What this installation is: its settings, version, addresses, tables and libraries.

Settings and About on the desk, `GET /api/v1/system`, `GET /api/v1/settings` and `flask system`
say the same; what may be copied into a bug report holds no value that names a person or a place.
"""

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from importlib import metadata
from urllib.parse import urlsplit, urlunsplit

from flask import has_request_context, request
from sqlalchemy.orm import Session

from app import __version__
from app.config import PREFIX, Settings
from app.extensions import the_settings
from app.process import revisions
from app.queries.office import system as queries
from app.text.setup_guide import charger_address
from app.web import system

#: What stands for a value that nobody may read.
MASK = "••••••"
#: Parts of a name that say that its value is a secret.
_SECRET = ("secret", "password", "token", "dsn")
#: Settings left empty whose value was made once and lies in the data folder.
_MADE = {"secret_key": "secret_key", "redis_url": "redis/url"}
#: Migrations that are listed, the newest first.
MIGRATIONS = 8


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as people read it; `origin` is environment, file or default."""

    name: str
    value: str
    origin: str
    meaning: str
    default: str


@dataclass(frozen=True, slots=True)
class Library:
    """A package that is installed beside us, and under which licence."""

    name: str
    version: str
    licence: str


@dataclass(frozen=True, slots=True)
class Migration:
    """A step of the tables, and whether the database has taken it."""

    revision: str
    words: str


@dataclass(frozen=True, slots=True)
class About:
    """What is installed here, where it is reached and how it fares."""

    version: str
    python: str
    machine: str
    database: str
    revision: str | None
    newest_revision: str
    desk_url: str
    charger_url: str
    charger_doubt: str
    status: str
    parts: list[system.Part]


def about(db: Session, *, now: datetime) -> About:
    """Gather what is true of this installation at the moment."""
    settings = the_settings()
    host = urlsplit(request.host_url).hostname if has_request_context() else ""
    chargers = charger_address(settings, host or "")
    database = queries.database(db)
    parts = system.parts(db, now=now)
    return About(
        version=__version__,
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.release()} {platform.machine()}",
        database=f"{database.kind} {database.version}",
        revision=database.revision,
        newest_revision=", ".join(revisions.heads()),
        desk_url=settings.desk_url,
        charger_url=chargers.base,
        charger_doubt=chargers.doubt,
        status=system.worst(parts),
        parts=parts,
    )


def settings_in_use(environ: Mapping[str, str] | None = None) -> list[Setting]:
    """Every setting with its value in use, secrets masked, and where the value is from."""
    given = os.environ if environ is None else environ
    settings = the_settings()
    found = []
    for item in fields(Settings):
        value, name = getattr(settings, item.name), PREFIX + item.name.upper()
        changed = name in given or value != item.default
        origin = "environment" if changed else "default"
        if not value and (made := _MADE.get(item.name)) and (settings.data_dir / made).exists():
            origin = "file"
        shown = _masked(item.name, value) if origin != "file" else _made(settings, item.name)
        found.append(Setting(name, shown, origin, item.metadata["meaning"], as_typed(item.default)))
    return found


def as_typed(value: object) -> str:
    """A value as it would be typed into the environment."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value)


def _made(settings: Settings, name: str) -> str:
    return MASK if name == "secret_key" else _masked(name, settings.redis_address)


def _masked(name: str, value: object) -> str:
    """What may be shown of a value: no secret, no password and no query in an address."""
    text = as_typed(value)
    if not text or isinstance(value, bool | int):
        return text
    if name.startswith(_SECRET) or name.endswith(_SECRET):
        return MASK
    # What a program is called with may hold anything.
    if name == "sign_command":
        return f"{text.split()[0]} …" if len(text.split()) > 1 else text
    return _without_login(text) if "://" in text else text


def _without_login(text: str) -> str:
    try:
        parts = urlsplit(text)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return MASK
    netloc = f"{MASK}@{host}" if "@" in parts.netloc else host
    return urlunsplit((parts.scheme, netloc, parts.path, MASK if parts.query else "", ""))


@cache
def libraries() -> tuple[Library, ...]:
    """Every package that is installed, by its name."""
    found = {}
    for package in metadata.distributions():
        about = package.metadata
        name = about["Name"]
        if name:
            found[name.casefold()] = Library(name, about["Version"] or "", _licence(about))
    return tuple(found[name] for name in sorted(found))


def _licence(about: "metadata.PackageMetadata") -> str:
    """The licence as a package states it: an expression, a classifier, or a short text."""
    told: Mapping[str, str] = dict(about.items())  # type: ignore[attr-defined]
    if expression := told.get("License-Expression"):
        return expression
    classes = [
        line.rpartition(" :: ")[2]
        for line in about.get_all("Classifier") or []
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    if classes:
        return ", ".join(classes)
    first = (told.get("License") or "").strip().partition("\n")[0]
    return first[:60]


def migrations() -> list[Migration]:
    """The newest steps of the tables that this version knows, newest first."""
    return [Migration(number, words) for number, words in revisions.migrations()[:MIGRATIONS]]


def report(facts: About) -> str:
    """A text for a bug report: versions, parts and which settings were changed, no address."""
    lines = [
        f"Ampdesk {facts.version}",
        f"Python {facts.python} on {facts.machine}",
        f"{facts.database}, tables at {facts.revision}"
        + ("" if facts.revision == facts.newest_revision else f" of {facts.newest_revision}"),
        *(f"{part.name}: {part.state} ({part.fact})" for part in facts.parts),
        *_changed(),
    ]
    return "\n".join(lines).replace("\u00a0", " ").replace("\u202f", " ")


def _changed() -> Iterator[str]:
    """Settings other than their default: plain switches and numbers with their value."""
    settings = the_settings()
    for item in fields(Settings):
        value = getattr(settings, item.name)
        if value == item.default:
            continue
        plain = isinstance(value, bool | int) or item.name in ("validation", "log_format")
        yield f"{PREFIX}{item.name.upper()}{f'={as_typed(value)}' if plain else ' is set'}"
