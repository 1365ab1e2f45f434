"""What a 2.x station tells of a transaction in one event, in the domain's words."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from app.domain.charging.energy.readings import BEGIN, END, REGISTER
from app.domain.ground.vocabulary import Activity, ConnectorRef, MeterReport, StopReason, Token

#: The kinds of events.
STARTED, UPDATED, ENDED = "started", "updated", "ended"
#: The triggers that mean something here; the others are kept and shown.
STOP_AUTHORISED, REMOTE_START = "stop_authorized", "remote_start"
#: The contexts of registers of its ends, and what `facts` calls those.
_OF_ENDS = {BEGIN: "begin", END: "end"}


class Words(NamedTuple):
    """What an event told, word for word, but for whether it was sent later; `digest` is what makes
    it the same event again: these words and how they were read.
    """

    text: str
    digest: str


@dataclass(slots=True)  # made for every event: frozen ones cost more
class TransactionReport:
    """One event of a transaction; whatever it does not tell is None.

    `connector` of evse 0: the station named no plug.  `facts` are further
    things it told, kept and shown: phases, cable_a, cost, limits and the like.
    `raw_time` is its clock's text; `claimed_at` its own time where another is used.
    """

    transaction_ref: str
    kind: str
    seq_no: int
    trigger: str
    at: datetime
    raw_time: str
    payload: dict[str, Any]
    clock_replaced: bool = False
    claimed_at: datetime | None = None
    offline: bool = False
    connector: ConnectorRef | None = None
    token: Token | None = None
    activity: Activity | None = None
    meters: tuple[MeterReport, ...] = ()
    reason: StopReason | None = None
    word: str | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def stopping(self) -> bool:
        """Whether its tag was shown to end the transaction."""
        return self.kind == ENDED or self.trigger == STOP_AUTHORISED

    def words(self) -> Words:
        """Its words, which cost something to make."""
        text = orjson.dumps(self._told(), str, orjson.OPT_SORT_KEYS).decode()
        return Words(text, self._digest_of(text))

    def former_digest(self) -> str:
        """Its digest as it was made before orjson wrote the words: what is stored may bear that."""
        return self._digest_of(json.dumps(self._told(), sort_keys=True, default=str))

    def _told(self) -> dict[str, Any]:
        if "offline" not in self.payload:
            return self.payload
        return {name: value for name, value in self.payload.items() if name != "offline"}

    def _digest_of(self, text: str) -> str:
        text = f"{self.transaction_ref}|{self.kind}|{self.seq_no}|{self.raw_time}|{text}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def registers(self) -> dict[str, list[list[str | None]]]:
        """Its energy registers at the begin and the end of the transaction, for `facts`.

        Each is [instant, phase, location, Wh]: one reading may be split over
        several events (E04.FR.09).  An end without a context of its own is the
        last register that the closing event told.
        """
        found: dict[str, list[list[str | None]]] = {}
        ended, last = self.kind == ENDED, []
        for report in self.meters:
            for sample in report.samples:
                if sample.measurand != REGISTER or sample.value is None:
                    continue
                name = _OF_ENDS.get(sample.context or "")
                if name is None and not ended:
                    continue
                at, value = report.taken_at.isoformat(), format(sample.value, "f")
                last.append([at, sample.phase, sample.location, value])
                if name is not None:
                    found.setdefault(name, []).append(last[-1])
        if ended and last and "end" not in found:
            found["last"] = last
        return found
