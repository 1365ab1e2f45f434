"""What the station commands share: their options, and the columns of a station and a command."""

from collections.abc import Container
from datetime import datetime
from typing import Any

import click
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, object_session, selectinload

from app.cli.ground import _plain
from app.cli.ground import _shared as cli
from app.domain.commands import orders
from app.domain.ground.errors import Invalid
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import Registration, StationMode
from app.domain.network import plugs, presence, sites
from app.domain.network.presence import connected
from app.models import Station
from app.resource import STATIONS
from app.schemas import glossary
from app.schemas.network import MOST_CONNECTORS
from app.schemas.quirks import QUIRKS


def _asked(member: str, kind: Any) -> Any:
    """The option of a member of a station, in the words of the API."""
    flag, told = f"--{member.replace('_', '-')}", glossary.words("NewStation", member)
    return click.option(flag, type=kind, help=told.replace("null: as usual", "default: as usual"))


#: What describes a station besides what its schema asks for.
OPTIONS = [
    _asked("security_profile", click.IntRange(0, 3)),
    _asked("mode", click.Choice([mode.value for mode in StationMode])),
    _asked("registration", click.Choice([word.value for word in Registration])),
    _asked("validation", click.Choice(["strict", "tolerant", "default"])),
    click.option("--connectors", type=click.IntRange(0, MOST_CONNECTORS), help="Number of plugs."),
    _asked("plug_type", click.Choice(plugs.TYPES, case_sensitive=False)),
    _asked("max_power_w", float),
    click.option("--tariff", help="Name of a tariff."),
    click.option("--quirk", "quirk", multiple=True, metavar="NAME=VALUE",
                 help="One of " + ", ".join(QUIRKS) + "; an empty value removes it."),
]  # fmt: skip
details = cli.together(*_plain.asked(STATIONS), *OPTIONS)


def given(
    db: Session, tenant_id: int, values: dict[str, Any], station: Station | None = None
) -> dict[str, Any]:
    """Turn the options that were typed (None means: not given) into what `NewStation` names."""
    found = _plain.given(db, tenant_id, values)
    for name, words in (("mode", StationMode), ("registration", Registration)):
        if name in found:
            found[name] = words(found[name])
    if identity := found.pop("new_identity", None):
        found["identity"] = identity
    if site := found.pop("site", None):
        found["site_id"] = sites.named(db, tenant_id, site).id
    if found.get("validation") == "default":
        found["validation"] = None
    if pairs := found.pop("quirk"):
        found["quirks"] = _quirks(pairs, station)
    return found


def _quirks(pairs: tuple[str, ...], station: Station | None) -> dict[str, Any]:
    found = dict(station.quirks) if station else {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise Invalid(f"{pair} should look like name=value.", field="quirk")
        found[name] = value
    return found


def found(db: Session, query: Select[Station], now: datetime) -> tuple[list[Station], set[int]]:
    """Return the stations of a select, and the ids of those that are connected."""
    query = query.options(selectinload(Station.connectors), selectinload(Station.site))
    rows = list(db.scalars(query.order_by(Station.identity_key)))
    return rows, set(db.scalars(select(Station.id).where(connected(now))))


def online(station: Station, now: datetime) -> set[int]:
    """The same for one station."""
    db = object_session(station)
    return {station.id} if db is not None and presence.is_connected(db, station, now) else set()


def columns(online: Container[int]) -> list[cli.Column]:
    """All columns of a station; the export's are those that the import reads."""
    return [
        *read("id identity name site=site.name"),
        ("online", lambda row: row.id in online),
        *read("last_seen_at registration mode security_profile validation"),
        ("connectors", lambda row: len(plugs.of(row))),
        ("plug_type", lambda row: next((p.plug_type for p in plugs.of(row)), None)),
        *read("max_power_w username_alias"),
        *read("tariff=tariff.name"),
        *read("vendor model firmware protocol note archived_at"),
    ]


def short(online: Container[int]) -> list[cli.Column]:
    """The columns that fit on a screen."""
    wanted = {"id", "identity", "name", "site", "online", "last_seen_at", "mode", "model"}
    return [column for column in columns(online) if column[0] in wanted]


COMMAND: list[cli.Column] = [
    *read("id station=station.identity order"),
    ("words", lambda row: orders.describe(row.order, row.arguments)),
    *read("state sentence answer latency_ms requested_by requested_at settled_at"),
]
