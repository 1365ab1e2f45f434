"""What a 2.x station tells of a transaction in one event, in the domain's words."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.energy.readings import BEGIN, END, REGISTER
from app.domain.vocabulary import Activity, ConnectorRef, MeterReport, StopReason, Token

#: The kinds of events.
STARTED, UPDATED, ENDED = "started", "updated", "ended"
#: The triggers that mean something here; the others are kept and shown.
STOP_AUTHORISED, REMOTE_START = "stop_authorized", "remote_start"


@dataclass(frozen=True, slots=True)
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

    @property
    def text(self) -> str:
        """What it told, word for word, but for whether it was sent later."""
        payload = {name: value for name, value in self.payload.items() if name != "offline"}
        return json.dumps(payload, sort_keys=True, default=str)

    def digest_of(self, text: str) -> str:
        """What makes it the same event again: its `text` and how that was read."""
        text = f"{self.transaction_ref}|{self.kind}|{self.seq_no}|{self.raw_time}|{text}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def registers(self) -> dict[str, list[list[str | None]]]:
        """Its energy registers at the begin and the end of the transaction, for `facts`.

        Each is [instant, phase, location, Wh]: one reading may be split over
        several events (E04.FR.09).  An end without a context of its own is the
        last register that the closing event told.
        """
        found = {"begin": self._samples(BEGIN), "end": self._samples(END)}
        if self.kind == ENDED and not found["end"]:
            found["last"] = self._samples(None)
        return {name: values for name, values in found.items() if values}

    def _samples(self, context: str | None) -> list[list[str | None]]:
        return [
            [report.taken_at.isoformat(), sample.phase, sample.location, format(sample.value, "f")]
            for report in self.meters
            for sample in report.samples
            if sample.measurand == REGISTER
            and sample.value is not None
            and (context is None or sample.context == context)
        ]
