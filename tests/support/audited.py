"""What requests change must stand in the audit, with what it was and what it is: all of it.

Every unit of work that commits within a request that may change something is looked at: each row
that it added or changed needs an entry that names the row and each column that changed.  What
needs none is named in `NEEDS_NONE`, with the reason.
"""

from collections import defaultdict
from typing import Any

from flask import g, has_request_context, request
from sqlalchemy import event, inspect
from sqlalchemy.orm import LoaderCallableStatus, Session

from app.domain.office import audit

_SAFE = {"GET", "HEAD", "OPTIONS"}
_BILL = "follows from the bill, whose entry says it"
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
    "ChargingSession.tariff_version": _BILL,
    "ChargingSession.tariff_version_id": _BILL,
    "ChargingSession.tariff_why": _BILL,
    "ApiToken.last_used_at": "is no change of it",
    "Command": "is itself who asked for what; the station's entry names it",
    "CustomerReport": "what is erased must not be told",
    "FileJob": "what a station brings by itself",
    "IdempotencyKey": "an answer that is kept for who asks again",
    "Job.text": "the file that was to be imported",
    "NotedFault (new)": "the station's entry says its words",
    "OneTimeLink": "a way in by mail; who is let in has an entry",
    "OutgoingMail": "a mail; what it is sent for has an entry",
    "RecoveryCode": "the entry about the second factor tells that they are new",
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
    "TariffVersion": _TARIFF,
    "User.last_sign_in_at": "the person's entry tells of the sign-in",
    "User.totp_secret": "counts once it is confirmed, and that has an entry",
}
#: A driver gives way whole, and the entry must not tell what they were.
_FORGOTTEN = "driver.forget"

Told = dict[tuple[str, int], set[str]]


class Watch:
    """Looks at what requests commit, from `begin` to `end`; `found` is what the audit lacks."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._usual: Any = audit._columns

    def begin(self) -> None:
        """Look at all that is committed from now on."""
        audit._columns = self._noting
        event.listen(Session, "before_flush", self._hold)
        event.listen(Session, "before_commit", self._look)
        event.listen(Session, "after_rollback", self._forget)

    def end(self) -> None:
        """Look no more."""
        audit._columns = self._usual
        event.remove(Session, "before_flush", self._hold)
        event.remove(Session, "before_commit", self._look)
        event.remove(Session, "after_rollback", self._forget)

    def _noting(self, *given: Any) -> Any:
        entry = self._usual(*given)
        if has_request_context():
            g.setdefault("audit_told", []).append(entry)
        return entry

    def _hold(self, db: Session, _context: Any, _instances: Any) -> None:
        """Keep rows that change: nobody else does, once they are written."""
        if _changes_something():
            g.setdefault("audit_rows", []).extend([*db.new, *db.dirty])

    def _forget(self, _db: Session) -> None:
        """What was not written needs no entry, and has none."""
        if has_request_context():
            g.pop("audit_rows", None)
            g.pop("audit_told", None)

    def _look(self, db: Session) -> None:
        if not _changes_something() or db.in_nested_transaction():
            return
        db.flush()
        entries, told = g.pop("audit_told", []), defaultdict(set)
        for entry in entries:
            place = entry["subject_kind"], entry["subject_id"]
            told[place] |= {*(entry["before"] or {}), *(entry["after"] or {})}
        forgets = any(entry["action"] == _FORGOTTEN for entry in entries)
        for row in g.pop("audit_rows", []):
            if inspect(row).persistent and not (forgets and type(row).__name__ == "Driver"):
                self.found += _lacking(row, db.info.get(audit._WAS, {}).get(row, {}), told)


def _changes_something() -> bool:
    return has_request_context() and request.method not in _SAFE


def _lacking(row: Any, was: Any, told: Told) -> list[str]:
    """What of a row that was added (`was` None) or changed no entry tells."""
    kind = type(row).__name__
    if was is None:
        lacking = {f"{kind} (new)"} if (kind, getattr(row, "id", 0)) not in told else set()
    else:
        # What changed of a detail may stand in the entry about what it is a detail of.
        lacking = {name for name in was if _differs(row, name, was[name])} - audit.LEFT_OUT
        lacking = {f"{kind}.{name}" for name in lacking.difference(*told.values())}
    if kind in NEEDS_NONE:
        return []
    return [f"{request.endpoint}: {one}" for one in sorted(lacking - NEEDS_NONE.keys())]


def _differs(row: Any, name: str, old: Any) -> bool:
    of_columns = name in inspect(row).mapper.column_attrs
    return of_columns and (old is LoaderCallableStatus.NO_VALUE or old != getattr(row, name))
