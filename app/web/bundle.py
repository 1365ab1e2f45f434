"""The support bundle: what a manufacturer needs of a station or a session, as one ZIP.

It leaves the house, so it tells of machines and not of people: secrets are blotted out as in the
message log, a card has a pseudonym (the same in every bundle of this installation), names and
e-mail addresses are gone.  It is sent as it is written; no more of it is held than a piece.
"""

import hashlib
import hmac
import json
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app import __version__
from app.domain.access.pseudonyms import Substitutes
from app.domain.ground.errors import Invalid
from app.domain.ground.redaction import redact
from app.domain.ground.vocabulary import Actor, Json
from app.domain.office import audit
from app.domain.office.messages import reading_of
from app.extensions import the_settings
from app.models import ChargingSession, Station
from app.queries.network import bundle as queries
from app.queries.network.bundle import Extent
from app.queries.office import system
from app.schemas.answers import plain
from app.uow import unit_of_work
from app.web.listing import safe_name, write_page
from app.web.spreadsheet import Out

#: Days of a station that a bundle holds unless asked otherwise, and at most.
DAYS, MOST_DAYS = 7, 31
#: Of a session: this much before its start and after its end.
MARGIN = timedelta(minutes=2)
#: An archive is sent on in parts of about this size, in bytes.
PART = 64 * 1024
#: Members that name a card, a contract or a car, in lower case and without signs between.
_PERSONAL = frozenset(
    {"idtag", "parentidtag", "idtoken", "token", "stoptoken", "additionalidtoken", "tag"}
    | {"groupidtoken", "customeridentifier", "emaid", "evccid", "vin", "vehicleid"}
)
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
#: A shorter text would be found within others that mean something else.
_SHORTEST_NAME = 4


class Pseudonyms:
    """Takes people out of what is packed.  With `cards` the numbers of cards stay."""

    def __init__(self, key: bytes, cards: set[str], names: set[str], *, keep_cards: bool) -> None:
        self._key, self._keep = key, keep_cards
        known = dict.fromkeys(names, "(driver)")
        if not keep_cards:
            known |= {card: self.of(card) for card in cards}
        self._people = Substitutes(known, shortest=_SHORTEST_NAME)

    def of(self, card: str) -> str:
        """What stands for a card."""
        digest = hmac.new(self._key, card.strip().casefold().encode(), hashlib.sha256)
        return f"tag-{digest.hexdigest()[:10]}"

    def text(self, text: str) -> str:
        """A text without the people that are known."""
        text = self._people.within(text)
        return _MAIL.sub("(e-mail)", text) if "@" in text else text

    def value(self, value: Any, name: str = "") -> Any:
        """Anything that JSON can hold, without people; `name` is that of the member it is in."""
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(of, str(key)) for key, of in value.items()}
        if isinstance(value, list):
            return [self.value(of, name) for of in value]
        if not isinstance(value, str) or not value:
            return value
        if not self._keep and re.sub("[^a-z]", "", name.lower()) in _PERSONAL:
            return self.of(value)
        if value[0] in "{[" and not isinstance(inner := _parsed(value), str):
            return json.dumps(self.value(inner), ensure_ascii=False)
        return self.text(value)


def extent(
    station: Station,
    session: ChargingSession | None = None,
    *,
    now: datetime,
    days: int | None = None,
) -> Extent:
    """What a bundle is to be about; raises `Invalid`."""
    if session is not None:
        since, until = session.started_at, session.ended_at or now
        return Extent(station, since - MARGIN, until + MARGIN, session)
    days = DAYS if days is None else days
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"A bundle holds 1 to {MOST_DAYS} days.", field="days")
    return Extent(station, now - timedelta(days=days), now)


def name_of(of: Extent, now: datetime) -> str:
    """What the file is called."""
    session = [f"session-{of.session.id}"] if of.session is not None else []
    return safe_name("support", of.station.identity, *session, f"{now:%Y-%m-%d}") + ".zip"


def pack(
    db: Session, actor: Actor, of: Extent, *, now: datetime, cards: bool = False
) -> Iterator[bytes]:
    """Note in the audit that a bundle is made, and write it piece by piece.

    `cards` leaves the numbers of cards in it, which is for admins to ask for.
    """
    with unit_of_work() as work:
        subject = of.session or of.station
        words = "with the numbers of cards" if cards else "with pseudonyms"
        noun = "session" if of.session is not None else "station"
        row = work.get_one(type(subject), subject.id)
        audit.remark(work, actor, f"{noun}.support_bundle", row, words, now=now)
    return _written(db, actor, of, now, cards)


def _written(db: Session, actor: Actor, of: Extent, now: datetime, cards: bool) -> Iterator[bytes]:
    key = the_settings().signing_key().encode()
    hide = Pseudonyms(key, *queries.people(db, of), keep_cards=cards)
    facts = hide.value(_facts(db, of, now))
    story = [(line.at, hide.text(line.text)) for line in queries.story(db, of, now)]
    out = Out()
    files = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, title, rows in queries.tables(db, of, actor.rights):
            count = 0
            head: list[Json] = []
            with archive.open(f"{name}.jsonl", "w") as file:
                for row in rows:
                    clean = _clean(row, hide)
                    file.write(json.dumps(clean, ensure_ascii=False).encode() + b"\n")
                    count += 1
                    if name in SHOWN and len(head) < MOST_SHOWN:
                        head.append(clean)
                    if len(out) > PART:
                        yield out.take()
            files.append((f"{name}.jsonl", title, count, head))
        archive.writestr("about.json", json.dumps(facts, ensure_ascii=False, indent=2))
        told = {"facts": facts, "files": files, "story": story, "cards": cards}
        write_page(archive, "network/stations/bundle.html", **told)
    yield out.take()


#: Tables whose first rows stand on the first page, too.
SHOWN = ("attempts", "deviations", "connections")
MOST_SHOWN = 50


def _clean(row: Json, hide: Pseudonyms) -> Json:
    """A row as JSON, without secrets and people; what was logged as JSON is JSON again."""
    values = {name: plain(value) for name, value in row.items()}
    for name in ("request", "response"):
        if isinstance(text := values.get(name), str):
            values[name] = _parsed(reading_of(text))  # where cards have names
    found: Json = hide.value(redact(values))
    return found


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


_STATION = (
    "identity name vendor model serial firmware protocol security_profile registration mode"
    " validation quirks meter_type meter_serial boot_raw connected_at disconnected_at last_seen_at"
    " last_boot_at clock_offset_s"
)


def _facts(db: Session, of: Extent, now: datetime) -> Json:
    """What the bundle is of: the station, its versions and ours, and the time."""
    station, database = of.station, system.database(db)
    told = {name: plain(getattr(station, name)) for name in _STATION.split()}
    found: Json = redact(
        {
            "made_at": plain(now.astimezone(UTC)),
            "since": plain(of.since),
            "until": plain(of.until),
            "session_id": of.session.id if of.session is not None else None,
            "timezone": station.site.timezone,
            "ampdesk": __version__,
            "database": f"{database.kind} {database.version}",
            "tables": database.revision,
            "station": told,
        }
    )
    return found
