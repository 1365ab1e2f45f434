"""Answers read off the tables: what a column holds says what its member looks like."""

import re
from operator import attrgetter
from typing import Any

from pydantic import create_model
from sqlalchemy import JSON, BigInteger, Boolean, Enum, Float, Integer, inspect

from app.domain.ground import redaction
from app.domain.ground.vocabulary import Json
from app.models.base import Exact, WattHours
from app.models.base import Instant as InstantColumn
from app.schemas.answers import Answer, read
from app.schemas.base import Instant, Number

#: Columns that are never told.
NEVER = frozenset(
    {"tenant_id", "password_hash", "next_password_hash", "password_proof", "key_hash", "key_file"}
    | {"secret", "old_secret", "totp_secret", "totp_step"}
)


def answer(
    name: str,
    doc: str,
    model: Any,
    *,
    without: tuple[str, ...] = (),
    renamed: dict[str, str] | None = None,
    **more: object,
) -> type[Answer]:
    """Make an answer of a model's columns in their order, `more` members instead or beside."""
    members: Json = {}
    for column in sorted(inspect(model).columns, key=lambda column: column.name != "id"):
        if column.name not in NEVER and column.name not in without:
            told = (renamed or {}).get(column.name)
            of = _type(column.type)
            of = of | None if column.nullable and of is not Any else of
            members[told or column.name] = read(of, attrgetter(column.name)) if told else of
    made: type[Answer] = create_model(name, __base__=Answer, __doc__=doc, **{**members, **more})
    return made


def _type(of: Any) -> Any:
    if isinstance(of, InstantColumn):
        return Instant
    if isinstance(of, WattHours | Exact | Float):
        return Number
    if isinstance(of, Boolean):
        return bool
    if isinstance(of, BigInteger | Integer):
        return int
    if isinstance(of, Enum):
        return of.enum_class
    if isinstance(of, JSON):
        return Any
    return str


#: The key in the address of a file that a station fetches or brings.
_FILE_KEY = re.compile(r"(/[fu]/)[A-Za-z0-9_-]{20,}")


def blotted(value: object) -> Any:
    """Return a copy of a payload without passwords, and without keys in addresses of files."""
    return _without_keys(redaction.redact(value))


def _without_keys(value: object) -> Any:
    if isinstance(value, str):
        return _FILE_KEY.sub(rf"\1{redaction.REDACTED}", value)
    if isinstance(value, list):
        return [_without_keys(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_keys(item) for name, item in value.items()}
    return value
