"""flask backup: a copy of everything that an installation holds, and the way back from it.

The copy is taken while chargers and staff go on.  What a worker has answered for while the database
was away (`spool`) is copied before the database, so that what moves on meanwhile is in both; files
are copied after it, so that no row names one that is missing.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, make_url
from sqlalchemy.pool import NullPool

from app import __version__
from app.cli.ground import _shared as cli
from app.config import Settings
from app.domain.ground.errors import Conflict, Invalid
from app.extensions import the_settings

group = cli.Group("backup", help="A copy of everything, taken while it runs, and the way back.")

#: Of the data folder, in this order around the database; all else is made anew.
BEFORE, AFTER = ("spool",), ("secret_key", "keys", "files", "mail")
INDEX = "backup.json"
DATABASES = {"sqlite": "ampdesk.sqlite3", "postgresql": "ampdesk.dump"}


@group.command("create")
@click.argument("folder", type=click.Path(path_type=Path))
def create(folder: Path) -> None:
    """Copy database and files into FOLDER, which must be new; it then holds secrets."""
    settings = the_settings()
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty: each backup has a folder of its own.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _copy(settings.data_dir, folder, BEFORE)
    kind = _kind(settings)
    if kind == "sqlite":
        with closing(sqlite3.connect(_sqlite_file(settings))) as database:
            database.execute("VACUUM INTO ?", (str(folder / DATABASES[kind]),))
    else:
        address = ["--format=custom", "--no-owner", "--file", str(folder / DATABASES[kind])]
        _run(settings, "pg_dump", *address)
    _copy(settings.data_dir, folder, AFTER)
    hashes = {str(path.relative_to(folder)): _hash(path) for path in _files(folder)}
    told = {
        "version": __version__,
        "database": kind,
        "tables": _revision(settings),
        "made_at": cli.now().isoformat(timespec="seconds"),
        "sha256": hashes,
    }
    # Last: a folder without it is no backup.
    (folder / INDEX).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in _files(folder))
    click.echo(f"Copied {len(hashes)} files, {size / 1e6:,.1f} MB, into {folder}.")


@group.command("check")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def check(folder: Path) -> None:
    """Say whether a backup is whole: every file is there and is what was copied."""
    told = _read(folder)
    click.echo(f"Whole: {len(told['sha256'])} files of {told['made_at']}.")


@group.command("restore")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def restore(folder: Path) -> None:
    """Bring a backup back into an empty database and this data folder.

    Nothing of Ampdesk may run meanwhile.  A database that holds tables is left alone.
    """
    settings = the_settings()
    told, kind = _read(folder), _kind(settings)
    if told["database"] != kind:
        raise Invalid(
            f"This is a copy of a {told['database']} database, and AMPDESK_DATABASE_URL names"
            f" a {kind} one."
        )
    if _tables(settings):
        raise Conflict("The database is not empty; a backup goes into an empty one only.")
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy = folder / DATABASES[kind]
    if kind == "sqlite":
        target = _sqlite_file(settings)
        for left in (target, Path(f"{target}-wal"), Path(f"{target}-shm")):
            left.unlink(missing_ok=True)
        shutil.copyfile(copy, target)
    else:
        given = ["--no-owner", "--exit-on-error", "--single-transaction", str(copy)]
        _run(settings, "pg_restore", *given)
    _copy(folder, settings.data_dir, (*BEFORE, *AFTER))
    click.echo(f"Restored what was copied at {told['made_at']} by version {told['version']}.")
    click.echo("`flask db upgrade` brings its tables up to date; then start Ampdesk.")


def _kind(settings: Settings) -> str:
    return "sqlite" if settings.database_uri.startswith("sqlite") else "postgresql"


def _sqlite_file(settings: Settings) -> Path:
    return Path(str(make_url(settings.database_uri).database))


def _copy(source: Path, target: Path, names: tuple[str, ...]) -> None:
    for name in names:
        here = source / name
        if here.is_dir():
            shutil.copytree(here, target / name, dirs_exist_ok=True, copy_function=_copy_file)
        elif here.exists():
            _copy_file(str(here), str(target / name))


def _copy_file(source: str, target: str) -> str:
    """Copy one file with its rights; one that is gone meanwhile is not wanted any more."""
    try:
        return shutil.copy2(source, target)
    except FileNotFoundError:
        return target


def _run(settings: Settings, program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL on the database; its password is not on the command line."""
    url = make_url(settings.database_uri)
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    try:
        done = subprocess.run(
            [program, "--dbname", address, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise Invalid(
            f"{program} is not installed here; it comes with PostgreSQL's client programs."
        ) from None
    if done.returncode:
        raise Invalid(f"{program} failed: {done.stderr.strip()[:500]}")


def _tables(settings: Settings) -> list[str]:
    engine = create_engine(settings.database_uri, poolclass=NullPool)
    return inspect(engine).get_table_names()


def _revision(settings: Settings) -> str:
    with create_engine(settings.database_uri, poolclass=NullPool).connect() as connection:
        return ", ".join(MigrationContext.configure(connection).get_current_heads())


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != INDEX)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(folder: Path) -> dict[str, Any]:
    """What a backup says of itself; raises `Invalid` unless it is whole."""
    try:
        told: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise Invalid(f"{folder} holds no whole backup: {INDEX} is missing.") from None
    for name, wanted in told["sha256"].items():
        path = folder / name
        if not path.is_file() or _hash(path) != wanted:
            raise Invalid(f"{path} is missing or was changed: this backup is not whole.")
    return told
