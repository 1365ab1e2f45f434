"""What requests change must stand in the audit, with what it was and what it is: all of it.

The whole database is read before and after a request that may change something, so that nothing
is missed, however it was written; only what differs is made sense of.  Each row that came or went
needs an entry that names it, each column that changed one that tells from what to what; what needs
none is named in `NEEDS_NONE`, with the reason.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from flask import Flask, request, request_finished, request_started
from sqlalchemy import Column, Table
from sqlalchemy.orm import Mapper

from app.domain.office import audit
from app.extensions import db as flask_db
from app.models import Base

_SAFE = {"GET", "HEAD", "OPTIONS"}
_BILL = "follows from the bill, whose entry says it"
_ASKED = "what a station was asked to hold; its command tells"
_TARIFF = "the tariff's entry tells its prices before and after"
#: A table, or one of its columns -> why what changes of it needs no entry of its own.
NEEDS_NONE = {
    "AuditEntry": "is the entry",
    "Bill": _BILL,
    "BillLine": _BILL,
    "ChargingSession.billing": _BILL,
    "ChargingSession.decided_minor": _BILL,
    "ChargingSession.decided_wh": _BILL,
    "ChargingSession.energy_wh": _BILL,
    "ChargingSession.flags": _BILL,
    "ChargingSession.tariff_version": _BILL,
    "ChargingSession.tariff_version_id": _BILL,
    "ChargingSession.tariff_why": _BILL,
    "ApiToken.last_used_at": "is no change of it",
    "BillCounter": _BILL,
    "BroadcastTarget": "a station of a broadcast, which has an entry",
    "ChargingSession.revision": "counts what changed",
    "Command": "is itself who asked for what; the station's entry names it",
    "CustomerReport": "what is erased must not be told",
    "Delivery": "a mail on its way; what it is sent for has an entry",
    "DisplayMessage": _ASKED,
    **dict.fromkeys(
        ("Connector (new)", "Connector (gone)", "Connector.max_power_w"),
        "the station's entry tells how many there are, and its power",
    ),
    "DriverStatement": "that a statement was mailed; the driver's entry tells of it",
    "FileJob": "what a station brings by itself",
    "IdempotencyKey": "an answer that is kept for who asks again",
    "Job (new)": "what had it done has an entry",
    "Job.text": "the file that was to be imported",
    "ListChoice": "how somebody's own lists look",
    "NotedFault (new)": "the station's entry says its words",
    "OneTimeLink": "a way in by mail; who is let in has an entry",
    "OutgoingMail": "a mail; what it is sent for has an entry",
    "Receipt": _BILL,
    "RecoveryCode": "the entry about the second factor tells that they are new",
    "SentForm": "a form that is known again where it is sent twice",
    "Setpoint": "changes every few seconds: docs/charging.md",
    "SignIn": "the person's entry tells of the sign-in",
    **dict.fromkeys(
        (
            *("StationCertificate.changed_at", "StationCertificate.hash_algorithm"),
            *("StationCertificate.issuer", "StationCertificate.issuer_key_hash"),
            *("StationCertificate.issuer_name_hash", "StationCertificate.pem"),
            *("StationCertificate.starts_at", "StationCertificate.expires_at"),
        ),
        "follows from the certificate, which its number and fingerprint name",
    ),
    "StationProfile": _ASKED,
    "TariffVersion": _TARIFF,
    "User.last_sign_in_at": "the person's entry tells of the sign-in",
    "User.theme": "how somebody's own pages look",
    "User.totp_secret": "counts once it is confirmed, and that has an entry",
    "VariableMonitor": _ASKED,
    "WebhookDelivery": "a message of a webhook, whose entry names it",
}
#: A driver gives way whole, and the entry must not tell what they were.
_FORGOTTEN = "driver.forget"
_MAPPERS: dict[str, Mapper[Any]] = {
    str(mapper.local_table.name): mapper  # type: ignore[attr-defined]
    for mapper in Base.registry.mappers
}

Rows = dict[tuple[Any, ...], Mapping[str, Any]]


class Read(NamedTuple):
    """The rows of a table as its driver gives them, in any order, and its columns' kinds there."""

    rows: list[tuple[Any, ...]]
    kinds: tuple[Any, ...]


def read() -> dict[str, Read]:
    """Every row of every table that is committed."""
    found = {}
    with flask_db.engine.connect() as connection:
        quoted = connection.dialect.identifier_preparer
        cursor = connection.connection.cursor()
        for table in Base.metadata.sorted_tables:
            names = ", ".join(map(quoted.format_column, table.columns))
            cursor.execute(f"SELECT {names} FROM {quoted.format_table(table)}")
            kinds = tuple(column[1] for column in cursor.description)
            found[table.name] = Read(cursor.fetchall(), kinds)
        cursor.close()
    return found


def _made_sense_of(table: Table, read: Read) -> Rows:
    """A table's rows by their keys, as the model has them."""
    dialect = flask_db.engine.dialect
    read_as = [
        column.type.dialect_impl(dialect).result_processor(dialect, kind)
        for column, kind in zip(table.columns, read.kinds, strict=True)
    ]
    found: Rows = {}
    for values in read.rows:
        row = {
            column.key: value if become is None else become(value)
            for column, become, value in zip(table.columns, read_as, values, strict=True)
        }
        found[tuple(row[column.key] for column in table.primary_key)] = row
    return found


def changes(before: dict[str, Read], after: dict[str, Read]) -> dict[str, tuple[Rows, Rows]]:
    """The tables of which something changed, with their rows before and after."""
    found = {}
    for table in Base.metadata.sorted_tables:
        was, now_is = before[table.name], after[table.name]
        if was.rows == now_is.rows:
            continue
        both = _made_sense_of(table, was), _made_sense_of(table, now_is)
        if both[0] != both[1]:  # PostgreSQL tells rows in another order once they changed
            found[table.name] = both
    return found


class Watch:
    """Looks at what requests commit, from `begin` to `end`; `found` is what the audit lacks."""

    def __init__(self) -> None:
        self.found: list[str] = []
        #: Tables of which the last request changed something.
        self.changed: set[str] = set()
        self._before: dict[str, Read] | None = None

    def begin(self) -> None:
        """Look at all that is committed from now on."""
        request_started.connect(self._started)
        request_finished.connect(self._finished)

    def end(self) -> None:
        """Look no more."""
        request_started.disconnect(self._started)
        request_finished.disconnect(self._finished)

    def _started(self, _app: Flask) -> None:
        if request.method not in _SAFE:
            self._before = read()

    def _finished(self, _app: Flask, **_more: Any) -> None:
        before, self._before = self._before, None
        if before is not None:
            changed = changes(before, read())
            self.changed = set(changed)
            self.found += [f"{request.endpoint}: {one}" for one in sorted(lacking(changed))]


class _Told:
    """What the entries of a request tell."""

    def __init__(self, entries: list[Mapping[Any, Any]]) -> None:
        self.actions = {entry["action"] for entry in entries}
        self.of: dict[tuple[str, int], dict[str, tuple[Any, Any]]] = defaultdict(dict)
        self.names: set[str] = set()
        for entry in entries:
            was, now_is = entry["before"] or {}, entry["after"] or {}
            place = self.of[entry["subject_kind"], entry["subject_id"]]
            place |= {name: (was.get(name), now_is.get(name)) for name in {**was, **now_is}}
            self.names |= place.keys()


def lacking(changed: dict[str, tuple[Rows, Rows]]) -> set[str]:
    """What of the rows that came, went or changed no new entry tells."""
    was, now_is = changed.get("audit_entries", ({}, {}))
    told, found = _Told([now_is[key] for key in now_is.keys() - was.keys()]), set[str]()
    if _FORGOTTEN in told.actions:
        return found
    for name, (was, now_is) in changed.items():
        for key in was.keys() | now_is.keys():
            if was.get(key) != now_is.get(key):
                table = Base.metadata.tables[name]
                found |= set(_untold(table, was.get(key), now_is.get(key), told))
    return {one for one in found if not {one, re.split(r"[. ]", one)[0]} & NEEDS_NONE.keys()}


def _untold(table: Table, was: Any, now_is: Any, told: _Told) -> Iterator[str]:
    mapper = _MAPPERS.get(table.name)
    if mapper is None:  # what belongs to what: a member of those that it joins
        if not _names_of(table) & told.names:
            yield table.name
        return
    kind = mapper.class_.__name__
    own = told.of.get((kind, (now_is or was).get("id")))
    if was is None or now_is is None:
        if own is None:
            yield f"{kind} ({'new' if was is None else 'gone'})"
        return
    for column in table.columns:
        name = _attribute(mapper, column)
        if was[column.key] == now_is[column.key] or name in audit.LEFT_OUT:
            continue
        # What changed of a detail may stand in the entry about what it is a detail of.
        if name not in told.names:
            yield f"{kind}.{name}"
        elif own and name in own and not _is_so(own[name], was[column.key], now_is[column.key]):
            yield f"{kind}.{name} as it was and is"


def _is_so(told: tuple[Any, Any], was: Any, now_is: Any) -> bool:
    return audit.MASK in told or all(map(_same, told, (was, now_is)))


def _same(told: Any, value: Any) -> bool:
    number = isinstance(value, Decimal) and told is not None
    return bool(Decimal(told) == value if number else told == audit._plain(value))


def _attribute(mapper: Mapper[Any], column: Column[Any]) -> str:
    return mapper.get_property_by_column(column).key


def _names_of(table: Table) -> set[str]:
    """What those that a table joins call it."""
    return {
        relation.key
        for mapper in Base.registry.mappers
        for relation in mapper.relationships
        if relation.secondary is table
    }
