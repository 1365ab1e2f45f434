"""Whether an open connection would still be let in: what was decided since, against its proof.

A station's `access_epoch` says that something was decided about who may connect; only then this
looks at what.  The handshake's own checks run again, on the station as it is now and on what the
connection showed, so that whatever the gate comes to refuse ends open connections, too.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.domain.ground.vocabulary import CommandState, Outcome, Registration
from app.domain.network import credentials
from app.domain.trust import certificates
from app.models import Station
from worker.certificates import Trust
from worker.lookup import known_of
from worker.ocpp.refusals import Reason, Refused
from worker.ocpp.throttle import Throttle
from worker.proof import Proofs
from worker.stretching import Stretching

#: How long a call in work may delay the end of a connection that is over, in seconds.
ANSWER_S = 3.0

#: What a refusal means to whoever was let in before, as the close frame says it.
_WORDS = {
    Reason.NOT_ALLOWED: "its address is not allowed any more",
    Reason.WRONG_USERNAME: "its user name was changed",
    Reason.WRONG_PASSWORD: "its password was changed",
    Reason.WRONG_CERTIFICATE: "its certificate is not good for it any more",
}


class Over(Exception):
    """A connection is over: nothing of it counts any more.  The text says why, in a few words."""


class Standing:
    """Holds connections against what was decided since they were let in."""

    def __init__(self, settings: Any) -> None:
        self._settings = settings
        # Nothing is stretched here: a link keeps the hash that it proved, and no password.
        self._proofs = Proofs(
            settings.ocpp_cpo_name, Stretching(Throttle()), settings.signing_key()
        )
        self._trust = Trust(settings.ocpp_tls_client_ca)

    def station(self, db: Any, link: Any) -> Station:
        """The station of a connection, in a unit of work; raises `Over` when it may not go on.

        The link's own epoch stays: what this reads may not be committed yet.
        """
        station: Station = db.get(Station, link.station.id)
        decided = station.access_epoch != link.station.access_epoch
        if decided and (why := self._why(db, station, link)):
            raise Over(why)
        return station

    def check(self, db: Any, link: Any, epoch: int | None) -> None:
        """Raise `Over` when the connection may not go on; `epoch` is that of its station now."""
        if epoch != link.station.access_epoch:
            self.station(db, link)

    def counted(self, db: Any, link: Any, outcome: Outcome, epoch: int | None) -> Outcome:
        """How an order of ours ended: an answer over a connection that is over does not count.

        `epoch` is that of its station now.
        """
        try:
            if outcome.answer is not None:
                self.check(db, link, epoch)
        except Over as over:
            return Outcome(CommandState.FAILED, None, f"Its answer does not count: {over}.")
        return outcome

    def over(self, db: Any, links: Mapping[int, Any]) -> dict[int, str]:
        """Which of these open connections, by station, are over, and why.

        Reads what is committed, and lets the epochs of those that stand catch up.
        """
        found = {}
        for number, epoch in credentials.access_epochs(db, links).items():
            link = links[number]
            if epoch == link.station.access_epoch:
                continue
            station = db.get(Station, number)
            if why := self._why(db, station, link):
                found[number] = why
            else:
                link.station.access_epoch = station.access_epoch
        return found

    def _why(self, db: Any, station: Station, link: Any) -> str:
        shown = link.station.shown
        if station.registration is Registration.BLOCKED:
            return "this station was blocked"
        if station.archived_at is not None:
            return "this station is in the archive"
        if station.identity_key != shown.identity.casefold():
            return "this station has another identity now"
        if link.profile < station.security_profile:
            return f"it now needs security profile {station.security_profile}"
        # Proved more than is needed: held against what it proved, which must still be right.
        known = replace(
            known_of(station, station.site.timezone, self._settings.validation),
            profile=link.profile,
            objection=self._trust.objection(db, station, shown.certificate),
        )
        proof = self._proofs.check(shown, known)
        if not isinstance(proof, Refused):
            return ""
        by_certificate = proof.reason is Reason.WRONG_CERTIFICATE and shown.certificate
        if by_certificate and certificates.is_revoked(db, shown.certificate.fingerprint):
            return "its certificate was revoked"
        return _WORDS.get(proof.reason, "it would not be let in any more")
