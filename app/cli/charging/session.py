"""flask session: charging sessions."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.cli.ground import _bulk
from app.cli.ground import _shared as cli
from app.domain.charging import sessions
from app.domain.ground import texts
from app.domain.ground.errors import Invalid, NotFound
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import Actor, BillingState
from app.domain.ground.vocabulary.doubts import sentence
from app.domain.money import reviews
from app.domain.money.tariffs import from_minor
from app.models import Bill, ChargingSession, Review, Site, Station, StrayStop
from app.queries.charging import session_rows
from app.queries.charging import sessions as queries
from app.queries.charging.session_rows import SessionRow
from app.queries.charging.sessions import Filter
from app.queries.ground.paging import Wish
from app.queries.money import reviews as review_queries
from app.text import session_words
from app.uow import unit_of_work
from app.web import spreadsheet

group = cli.Group("session", help="Charging sessions.")

STATES = ["charging", "ended", "no_show", "provisional", "unauthorised"]
SHOWN = [
    column
    for column in session_words.SESSION
    if column[0]
    in {"session", "station", "connector", "driver", "started", "ended", "energy_wh", "billing"}
]
DETAILS: list[cli.Column] = [
    *session_words.SESSION,
    *read("transaction=transaction_ref tariff=tariff_why last_reading=last_reading_at"),
    ("doubts", lambda row: [sentence(code) for code in row.flags]),
]
STRAY: list[cli.Column] = read(
    "stop=id transaction=transaction_ref id_tag=token at=ended_at register_wh=meter_stop_wh"
)


@group.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option(
    "--billing",
    type=click.Choice([state.value for state in BillingState]),
    help="Only those whose bill stands so.",
)
@click.option("--station", help="Identity of a station.")
@click.option("--site", help="Name of a site.")
@click.option("--since", help="First day or instant, like 2026-03-01 (UTC).")
@click.option("--until", help="Last day or instant (UTC).")
@click.option("--flag", help="With this flag; `any`: with one at all.")
@cli.limit_option()
@cli.json_option
def list_(as_json: bool, limit: int, **given: object) -> None:
    """List the sessions, the newest first."""
    db = cli.reading()
    page = queries.page(db, _filter(db, given), Wish(size=limit))
    cli.print_rows(page, session_words.SESSION if as_json else SHOWN, json=as_json)
    if not as_json and page.total > limit:
        click.echo(f"{limit} of {page.total}; --limit shows more.", err=True)


@group.command("show")
@click.argument("number", type=int)
@cli.json_option
def show(number: int, as_json: bool) -> None:
    """Show the session NUMBER; with --json its readings too."""
    db = cli.reading()
    session = _session(db, number)
    if as_json:
        cli.print_json(session_words.as_json(session, queries.readings(db, number)))
    else:
        cli.print_row(session, DETAILS)


def _stray(db: Session, number: int) -> StrayStop:
    stray = review_queries.stray(db, number)
    if stray is None:
        raise NotFound(f"There is no stray stop {number}.")
    return stray


def _assign(
    db: Session, actor: Actor, stray: StrayStop, *, number: int, reason: str, now: datetime
) -> ChargingSession:
    session = _session(db, number)
    return sessions.assign_stray(db, actor, stray, session, note=reason, now=now)


@group.command("end")
@click.argument("number", type=int)
@click.option("--reason", required=True, help="Why; kept in the audit.")
def end(number: int, reason: str) -> None:
    """End the session NUMBER at its last reading, for which no stop will come."""
    reason = reason.strip()[:300]
    if not reason:
        raise Invalid("Say why: --reason is empty.")
    with unit_of_work() as db:
        session = _session(db, number)
        sessions.close_provisionally(db, session, now=cli.now(), actor=cli.ACTOR, remark=reason)
    click.echo(f"Ended session {number} at its last reading, provisionally.")


@group.command("bill")
@click.argument("number", type=int)
@click.option("--reason", required=True, help="Why it need not wait for its stop; kept.")
def bill(number: int, reason: str) -> None:
    """Bill the session NUMBER, whose end is assumed, without waiting for its stop."""
    with unit_of_work() as db:
        session = _session(db, number)
        made = reviews.bill_now(db, cli.ACTOR, session, note=reason, now=cli.now())
        if isinstance(made, Bill):
            total = from_minor(made.gross_minor, made.currency)
            said = f"{made.number} {made.kind.value} {total} {made.currency}"
        else:
            said = f"Session {number} is held for review: other doubts speak against its bill."
    click.echo(said)


group.does(
    *("assign-stop", _stray, _assign, "The stop {named} belongs to session {made.id} now."),
    "Let the stray stop STOP (see `stray-stops`) end the session NUMBER.",
    click.argument("number", type=int),
    click.option("--reason", required=True, help="Why; kept in the audit."),
    argument="stop",
    type=int,
)


@group.command("stray-stops")
@cli.json_option
def stray_stops(as_json: bool) -> None:
    """List the stops that match no session, and which sessions they may have ended."""
    db = cli.reading()
    columns = [
        *STRAY,
        ("sessions", lambda stray: [row.id for row in sessions.candidates(db, stray)]),
    ]
    cli.print_rows(review_queries.strays(db), columns, json=as_json)


@group.command("export")
@click.argument("number", type=int, required=False)
@click.option("--output", "-o", type=cli.TO, help="The file; without one, it is printed.")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--since", help="First day or instant, like 2026-03-01 (UTC).")
@click.option("--until", help="Last day or instant (UTC).")
@cli.zone_option
def export(number: int | None, output: Path | None, timezone: str | None, **given: object) -> None:
    """Write sessions as CSV; with NUMBER, the readings of that session."""
    db = cli.reading()
    zone = cli.zone_of(db, timezone)
    if number is not None:
        _session(db, number)
        cli.write_csv(output, session_words.READING, queries.readings(db, number), zone)
    else:
        found = session_rows.rows(db, _filter(db, given))
        cli.write_csv(output, spreadsheet.of_tuples(SessionRow), found, zone)


def _review(db: Session, number: str) -> Review:
    review = review_queries.one(db, texts.row_id(number) or 0)
    if review is None:
        raise NotFound(f"Session {number} is not held for review.")
    return review


_bulk.hang(
    group,
    [
        (reviews.MANY, _review),
        (reviews.SESSIONS, lambda db, number: _session(db, texts.row_id(number) or 0)),
    ],
    "its number",
    [click.option("--reason", required=True, help="Why; kept for ever.")],
    lambda db, values: {"note": values["reason"]},
)


def _session(db: Session, number: int) -> ChargingSession:
    session = queries.one(db, number) if 0 < number < 2**63 else None
    if session is None:
        raise NotFound(f"There is no session {number}.")
    return session


def _filter(db: Session, given: dict[str, Any]) -> Filter:
    """Turn what was typed into the filter of the list."""
    return Filter(
        state=given.get("state") or "",
        billing=given.get("billing") or "",
        flag=given.get("flag") or "",
        station_id=_id(db, Station.identity_key, "station", given.get("station")),
        site_id=_id(db, Site.name_key, "site", given.get("site")),
        since=cli.instant("--since", given.get("since")),
        until=cli.instant("--until", given.get("until"), end=True),
    )


def _id(db: Session, column: Any, noun: str, name: str | None) -> int | None:
    if name is None:
        return None
    found: int | None = db.scalar(select(column.class_.id).where(column == texts.key(name)))
    if found is None:
        raise NotFound(f"There is no {noun} {name}.")
    return found
