"""A charger's line into the worker's real dispatch, without a socket: frames in, answers out."""

import json
import time
from typing import Any

from flask import Flask
from sqlalchemy import select

from app.domain.ground.vocabulary import MessageOutcome
from app.extensions import db as flask_db
from app.models import Message
from worker.batch import Batch
from worker.dispatch import Dispatch, Held
from worker.gate import Admitted
from worker.ocpp.connection import Connection
from worker.ocpp.frames import Call, Send
from worker.ocpp.versions import Fault, Version
from worker.spool import Spool
from worker.standing import Standing
from worker.works import Job


class Line:
    """One station's conversation; what a link is to the dispatch, but for the socket."""

    def __init__(self, app: Flask, station: Any, version: Version, *, strict: bool) -> None:
        self.version = version
        self.profile, self.certificate, self.secure = 1, None, False
        self.data = None
        self.station = Admitted(
            id=station.id,
            identity=station.identity,
            tenant_id=station.tenant_id,
            model=station.model,
            strict=strict,
            timezone=station.site.timezone,
            quirks={},
            served=True,
            access_epoch=station.access_epoch,
        )
        self.closed_with: tuple[int, str] | None = None
        self._connection = Connection(version, "csms", strict=strict)
        self._ended = False
        self._batch = Batch(app)
        settings = app.config["SETTINGS"]
        spool = Spool(settings.data_dir / "spool", settings.spool_max_bytes)
        self._dispatch = Dispatch(
            self._batch, Standing(settings), settings, lambda gauges: None, spool
        )
        self._held = Held(self)
        self._count = 0

    def ask(self, action: str, payload: Any) -> list[Any] | None:
        """Send a call; its answer's frame, or None when the worker stays silent."""
        self._count += 1
        return self.say(json.dumps([2, f"m{self._count}", action, payload]))

    def say(self, text: str) -> list[Any] | None:
        """Send a call as it stands; its answer's frame."""
        [event] = self._connection.receive_text(text, time.monotonic())
        assert isinstance(event, Call), event
        answer = self._dispatch.answer(self._held, event)
        self._dispatch.deviations.write()
        flask_db.session.remove()
        return None if answer is None else json.loads(answer)

    def tell(self, action: str, payload: Any) -> MessageOutcome | None:
        """Send what wants no answer (2.1's SEND); what the log says of it."""
        self._count += 1
        text = json.dumps([6, f"m{self._count}", action, payload])
        [event] = self._connection.receive_text(text, time.monotonic())
        assert isinstance(event, Send), event
        self._dispatch.take(self._held, event)
        self._dispatch.deviations.write()
        self._batch.do(Job(lambda db, rows: None))  # a refusal is logged later
        flask_db.session.remove()
        query = select(Message.outcome).where(
            Message.station_id == self.station.id, Message.message_id == f"m{self._count}"
        )
        return flask_db.session.scalar(query)

    def end(self) -> None:
        """Store what waits, and stop writing; nobody writes any more after the first time."""
        if not self._ended:
            self._ended = True
            self._batch.stop()

    # What the dispatch asks of a link

    def answer(self, call: Call, payload: dict[str, Any]) -> str:
        """The text of an answer; raises where it breaks its schema."""
        return self._connection.answer(call, payload)

    def refuse(self, call: Call, fault: Fault, description: str = "") -> str:
        """The text of an error."""
        return self._connection.refuse(call, fault, description)

    def hold(self, seconds: float) -> None:
        """Nothing of ours waits here."""

    def release(self) -> None:
        """Nothing of ours waits here."""

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Note that the worker hung up."""
        self.closed_with = (code, reason)
