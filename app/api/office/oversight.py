"""What goes on: the audit, what needs attention, how the installation fares, and the search."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from app.api.ground import _lists, _rows
from app.api.ground._noun import Ask, Noun
from app.domain.ground.vocabulary import Json
from app.domain.office import housekeeping
from app.models import AuditEntry, Base
from app.queries.ground.findings import Finding
from app.queries.office import attention, attention_devices
from app.queries.office import search as looking
from app.schemas import staff as schemas
from app.schemas.answers import Answer, plain
from app.schemas.base import Instant
from app.uow import unit_of_work
from app.web import about, attending
from app.web.problems import Problem

noun = Noun("oversight", "The audit, what needs attention, the installation's health, the search.")

ENTRY = _rows.answer(
    "AuditEntry",
    "Who did what to which thing; `before` and `after` hold the columns that changed.",
    AuditEntry,
)


class FindingTold(Answer):
    """Something that needs a person; `more` of its kind exist. `subject` is for /attention/seen."""

    kind: str
    since: Instant | None
    subject: str
    more: int
    facts: Json


class Findings(Answer):
    """What needs attention now, most pressing first."""

    items: list[FindingTold]


class PartTold(Answer):
    """A part of the installation: ok, warn or bad; `sentence` says what to do."""

    name: str
    state: str
    fact: str
    sentence: str
    since: Instant | None


class Health(Answer):
    """What is installed, where it is reached and how it fares, as the page About says it."""

    version: Annotated[str, Field(description="Of Ampdesk.")]
    status: Annotated[str, Field(description="That of the worst part: ok, warn or bad.")]
    parts: list[PartTold]
    python: Annotated[str, Field(description="The version of Python.")]
    machine: Annotated[str, Field(description="Operating system and machine.")]
    database: Annotated[str, Field(description="Which database, in which version.")]
    revision: Annotated[str | None, Field(description="The migration that its tables are at.")]
    newest_revision: Annotated[str, Field(description="The one that this version needs.")]
    desk_url: Annotated[str, Field(description="How people reach the desk.")]
    charger_url: Annotated[str, Field(description="Where chargers connect, without the identity.")]


class SettingTold(Answer):
    """One setting of the installation."""

    name: Annotated[str, Field(description="Its environment variable.")]
    value: Annotated[str, Field(description="The value in use; secrets are masked.")]
    origin: Annotated[str, Field(description="environment, file (of the data folder) or default.")]
    meaning: Annotated[str, Field(description="What it does.")]
    default: Annotated[str, Field(description="The value when nothing is set.")]


class Settings(Answer):
    """All settings, in the order of README."""

    items: list[SettingTold]


class Hit(Answer):
    """One thing that was found; `kind` and `id` are those of its path."""

    kind: str
    id: int
    label: str


class Hits(Answer):
    """What was found, eight of each kind at most."""

    items: list[Hit]


_lists.hang(
    *(noun, "/audit", "List the audit", "Who did what, the newest first."),
    *(AuditEntry, ENTRY),
    name="audit",
    asked=schemas.Audit,
    at="at",
    right="write",
    everywhere=True,
)


@noun.get("/attention", "Read what needs attention", answers={200: Findings})
def findings(ask: Ask) -> object:
    """What needs a person now, as on Home; a finding is gone as soon as its cause is."""
    return {"items": [_values(finding) for finding in attending.findings(ask.db)]}


@noun.post(
    "/attention/seen",
    "Put a finding away",
    body=schemas.Seen,
    answers={204: None},
    problems=(404,),
)
def seen(ask: Ask) -> None:
    """Put away something that has no end of its own; whatever happens after it is news."""
    with unit_of_work() as db:
        kind, subject = ask.body["kind"], ask.body["subject"]
        if not attention.visible(db, ask.tenant_id, kind, subject):
            raise Problem(404, "There is no such finding.")
        housekeeping.see(db, ask.actor, ask.tenant_id, now=ask.now, **ask.body)


@noun.get("/system", "Read how the installation fares", answers={200: Health})
def health(ask: Ask) -> object:
    """Worker, Redis, Celery, mail, database and disk: what each says of itself."""
    return about.about(ask.db, now=ask.now)


@noun.get("/settings", "Read the settings", right="write", answers={200: Settings}, everywhere=True)
def settings(ask: Ask) -> object:
    """Every setting of the installation: its value (secrets masked), from where, what it does."""
    del ask
    return {"items": about.settings_in_use()}


@noun.get("/search", "Search", answers={200: Hits}, query=schemas.Search)
def search(ask: Ask) -> object:
    """Stations, tags, drivers, sessions, bills, sites and messages that a text names."""
    found = looking.search(ask.db, ask.query.get("q", ""), ask.caller.rights)
    return {
        "items": [
            {"kind": hits.kind, "id": row.id, "label": _label(row)}
            for hits in found
            for row in hits.rows
        ]
    }


def _label(row: Any) -> str:
    names = ("identity", "value", "number", "message_id", "name", "transaction_ref")
    return next((str(text) for name in names if (text := getattr(row, name, None))), str(row.id))


def _values(finding: Finding) -> Json:
    facts: Json = {}
    for name, value in finding.facts.items():
        if isinstance(value, Base | attention_devices.Named):
            facts[f"{name}_id"] = value.id  # type: ignore[union-attr]
        elif isinstance(value, str | int | float | datetime | None) or hasattr(value, "scaleb"):
            facts[name] = plain(value)
    return {
        "kind": finding.kind,
        "since": finding.since,
        "subject": finding.subject,
        "more": finding.more,
        "facts": facts,
    }
