"""Replays recorded frames to a running worker over a real socket.

A recording is a file of JSON lines.  The first says which row of the quirk
list it stands for and how the station is set; then, in order:

  {"send": [...]}        a frame; {"text": "..."} sends text as it is, {"bytes": "hex"} a binary one
  {"hear": [...]}        the next frame that must come back (objects may hold more than is named)
  {"until": [...]}       a frame that must come, after whatever comes before it
  {"reconnect": true}    a new connection
  {"version": "2.0.1"}   a new connection over another version
  {"another": true}      go on as another station
  {"believe": {...}}     what the database must come to say, by table, in order of id

Placeholders: "$now", "$now-60" (seconds), "$local-60" (the site's wall clock,
without a zone), "$tx" and "$first" (the transaction id heard last, and first),
"$any".
"""

import base64
import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from websockets.sync.client import ClientConnection, connect

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM, Registration, StationMode
from app.domain.network import stations
from app.models import (
    Authorisation,
    ChargingSession,
    Connector,
    Deviation,
    Message,
    MeterReading,
    Station,
    StationCertificate,
    StationReport,
    StatusEvent,
    StrayStop,
    Tag,
    TransactionEvent,
)
from tests.support.site import Site as RunningSite
from tests.support.stations import depot_of
from tests.support.wait import eventually

TABLES: dict[str, Any] = {
    "sessions": ChargingSession,
    "readings": MeterReading,
    "strays": StrayStop,
    "deviations": Deviation,
    "connectors": Connector,
    "statuses": StatusEvent,
    "reports": StationReport,
    "taps": Authorisation,
    "messages": Message,
    "events": TransactionEvent,
    "certificates": StationCertificate,
}
ZONE = ZoneInfo("Europe/Berlin")
_TIME = re.compile(r"\$(now|local)(?:([+-]\d+))?")
_numbers = itertools.count(1)


class Stage:
    """A station of a test's own on a running worker, and its socket; it speaks `version`."""

    def __init__(self, site: RunningSite, version: str = "1.6") -> None:
        self.site = site
        self.version = version
        self.identity = f"Q-{next(_numbers)}"
        self.transaction: Any = None
        self.first: Any = None
        self.now = datetime.now(UTC).replace(microsecond=0)
        self._socket: ClientConnection | None = None
        self.password = ""

    def set_up(self, mode: str = "open", registration: str = "accepted", **facts: Any) -> None:
        """Register the station; `facts` are columns, `tags` a list of tag values."""
        values = facts.pop("tags", [])
        with self.site.work() as db:
            place = depot_of(db, timezone=ZONE.key, now=self.now)
            station, password = stations.register(
                *(db, SYSTEM, place.tenant_id, place, self.identity), now=self.now
            )
            self.password = password or ""
            station.mode = StationMode(mode)
            station.registration = Registration(registration)
            for name, value in facts.items():
                setattr(station, name, value)
            for value in values:
                if db.scalar(select(Tag).where(Tag.value == value)) is None:
                    tags.add(db, SYSTEM, place.tenant_id, now=self.now, value=value)

    @property
    def socket(self) -> ClientConnection:
        """The station's socket, opened when it is first needed."""
        if self._socket is None:
            secret = base64.b64encode(f"{self.identity}:{self.password}".encode()).decode()
            self._socket = connect(
                f"{self.site.charger_url}/{self.identity}",
                subprotocols=[f"ocpp{self.version}"],  # type: ignore[list-item]
                additional_headers={"Authorization": f"Basic {secret}"},
                legacy=True,
                max_size=None,
                compression=None,
                open_timeout=60,
            )
        return self._socket

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def play(self, lines: list[dict[str, Any]]) -> None:
        """Do what the lines of a recording say, in order."""
        for line in lines:
            for verb, value in line.items():
                getattr(self, f"_{verb}")(value)

    def _send(self, frame: list[Any]) -> None:
        self.socket.send(json.dumps(self.filled(frame)))

    def _text(self, text: str) -> None:
        self.socket.send(_TIME.sub(self._time, text).replace("$tx", str(self.transaction)))

    def _bytes(self, digits: str) -> None:
        self.socket.send(bytes.fromhex(digits))

    def _hear(self, expected: list[Any]) -> None:
        heard = json.loads(self.socket.recv(timeout=30))
        if heard[0] == 3 and "transactionId" in heard[2]:
            self.transaction = heard[2]["transactionId"]
            self.first = self.first or self.transaction
        assert fits(heard, self.filled(expected)), f"heard {heard}, expected {expected}"

    def _until(self, expected: list[Any]) -> None:
        while not fits(json.loads(self.socket.recv(timeout=30)), self.filled(expected)):
            pass

    def _reconnect(self, _: bool) -> None:
        self.close()
        assert self.socket

    def _version(self, version: str) -> None:
        self.version = version
        self._reconnect(True)

    def _another(self, _: bool) -> None:
        self.close()
        self.identity = f"Q-{next(_numbers)}"
        self.set_up()

    def _believe(self, expected: dict[str, list[dict[str, Any]]]) -> None:
        for table, rows in expected.items():
            eventually(lambda table=table, rows=rows: self._believes(table, rows), 20, table)

    def _believes(self, table: str, expected: list[dict[str, Any]]) -> bool:
        model = TABLES[table]
        with self.site.read() as db:
            station = db.scalar(select(Station).where(Station.identity == self.identity))
            found = db.scalars(
                select(model).where(model.station_id == station.id).order_by(model.id)
            ).all()
            rows = [{name: plain(getattr(row, name)) for name in model.__mapper__.columns.keys()}  # noqa: SIM118
                    for row in found]  # fmt: skip
        assert len(rows) == len(expected), f"{len(rows)} {table}: {rows}"
        for row, wanted in zip(rows, expected, strict=True):
            assert fits(row, self.filled(wanted)), f"{table}: {row} is not {wanted}"
        return True

    def filled(self, value: Any) -> Any:
        """Put times and the transaction id where their placeholders are."""
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if isinstance(value, dict):
            return {name: self.filled(item) for name, item in value.items()}
        if value in ("$tx", "$first"):
            return self.transaction if value == "$tx" else self.first
        return _TIME.sub(self._time, value) if isinstance(value, str) else value

    def _time(self, match: "re.Match[str]") -> str:
        moment = self.now + timedelta(seconds=int(match[2] or 0))
        if match[1] == "local":
            return moment.astimezone(ZONE).replace(tzinfo=None).isoformat()
        return moment.isoformat().replace("+00:00", "Z")


def fits(found: Any, wanted: Any) -> bool:
    """Tell whether `found` is what is wanted; an object may hold more than is named."""
    if wanted == "$any":
        return True
    if isinstance(wanted, dict) and isinstance(found, dict):
        # An empty object is meant to be empty: that is what most answers are.
        if not wanted:
            return not found
        return all(name in found and fits(found[name], item) for name, item in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(fits, found, wanted))
    return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)


def plain(value: Any) -> Any:
    """A column's value as a recording writes it."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if hasattr(value, "normalize"):
        return format(value.normalize(), "f")
    return getattr(value, "value", value)


def recordings(version: str) -> list[Path]:
    """The recordings of a version, in order of their names."""
    folder = Path(__file__).parent.parent / "fixtures" / "frames" / version
    return sorted(folder.glob("*.jsonl"))


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A recording's head and its lines."""
    head, *lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
    return head, lines
