"""One connector: cars come, charge and leave, as its life has it and as it is asked to."""

import logging
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

from worker.ocpp.fields import format_instant
from worker.simulator.scenario import Car, Meter

if TYPE_CHECKING:
    from worker.simulator.chargepoint import ChargePoint

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Session:
    """A charging session; in 1.6 `transaction_id` is None until the central system gave one."""

    tag: str
    meter_start_wh: int
    began_at: float
    transaction_id: int | str | None = None
    stop_reason: str | None = None
    meter_stop_wh: int | None = None
    #: Number of the remote start that asked for it (2.x); 0: none did.
    asked_by: int = 0
    #: Number of its next event (2.x).
    sequence: int = 0


class Connector:
    """Its state; methods without underscore may be called from any greenlet."""

    def __init__(self, station: "ChargePoint", number: int) -> None:
        behaviour = station.scenario.behaviour
        self.station = station
        self.number = number
        self.life = behaviour.life_of(number)
        self.status = "Faulted" if self.life == "faulted" else "Available"
        self.error_code = behaviour.fault if self.life == "faulted" else "NoError"
        self.operative = True
        self.meter = Meter(
            behaviour.register_wh + number * 10_000.0, station.scenario.hardware.phases
        )
        self.car: Car | None = None
        self.session: Session | None = None
        self.finished: list[Session] = []
        self._customer: tuple[str, int] | None = None
        self._woken = Event()
        self._time = self._until = station.clock.now()

    # What may be asked of it

    @property
    def free(self) -> bool:
        """Whether a session could begin now."""
        return self.operative and self.session is None and self.status in ("Available", "Preparing")

    def charge(self, tag: str, asked_by: int = 0) -> bool:
        """Let a customer come with `tag`; False when the connector cannot serve one."""
        if not self.free or self._customer is not None:
            return False
        self._customer = (tag, asked_by)
        self._woken.set()
        return True

    def stop(self, reason: str) -> bool:
        """End the running session; False when there is none."""
        if self.session is None or self.session.stop_reason is not None:
            return False
        self.session.stop_reason = reason
        self._woken.set()
        return True

    def lose_power(self) -> None:
        """End the running session, if there is one, where it stands."""
        if self.session is not None:
            self._end("PowerLoss")

    def set_operative(self, operative: bool) -> str:
        """Open or close the connector; return the status of ChangeAvailability."""
        self.operative = operative
        if self.session is not None:
            return "Scheduled"
        self._rest()
        return "Accepted"

    def now(self) -> float:
        """The connector's time, in Unix seconds.

        It is where the connector is in what it does: when the station's clock hurries and the
        process cannot follow, energy and time still agree.
        """
        return max(self._time, min(self.station.clock.now(), self._until))

    def timestamp(self) -> str:
        """The connector's time as it is written in messages."""
        return format_instant(datetime.fromtimestamp(self.now(), UTC))

    def reading(self, context: str) -> dict[str, Any]:
        """The meter's values of this moment, in the form of 1.6."""
        self._advance()
        samples = self.meter.samples(context, self.car, self.station.chance)
        return {"timestamp": self.timestamp(), "sampledValue": samples}

    # Its life

    def live(self) -> None:
        """Serve customers, those of its own life and those that the central system sends."""
        behaviour = self.station.scenario.behaviour
        self.station.accepted.wait()
        self._time = self._until = self.station.clock.now()
        pause_s, served = behaviour.first_pause_s, 0
        while True:
            lively = self.life in ("charging", "idle_after_full")
            lively = lively and (behaviour.sessions is None or served < behaviour.sessions)
            self._wait(pause_s if lively else None)
            sent, self._customer = self._customer, None
            if self.operative and self.status != "Faulted" and (sent or lively):
                tag, asked_by = sent or (behaviour.tags[served % len(behaviour.tags)], 0)
                served += not sent
                self._serve(tag, asked_by, known=sent is not None)
            pause_s = self.station.chance.uniform(*behaviour.pause_s)

    def _serve(self, tag: str, asked_by: int, known: bool) -> None:
        station, behaviour = self.station, self.station.scenario.behaviour
        self._set_status("Preparing")
        self._wait(station.chance.uniform(*behaviour.plug_in_s))
        if not known and not self._is_authorised(tag):
            self._wait(station.chance.uniform(*behaviour.put_away_s))
            self._rest()
            return
        soc = station.chance.uniform(*behaviour.start_soc)
        self.car = Car(behaviour.battery_wh, soc, station.scenario.hardware.max_power_w)
        self._begin(tag, asked_by)
        reason = self._charge()
        if reason is None and self.life == "idle_after_full":
            reason = self._stand_idle(behaviour.idle_s)
        self._end(reason or "EVDisconnected")
        self._set_status("Finishing")
        self._wait(station.chance.uniform(*behaviour.put_away_s))
        self._rest()

    def _is_authorised(self, tag: str) -> bool:
        if not self.station.accepted.is_set():
            return True  # off line, with LocalAuthorizeOffline
        speech = self.station.speech
        answer = self.station.try_call("Authorize", speech.token(tag))
        return answer is not None and speech.accepts(answer)

    def _begin(self, tag: str, asked_by: int) -> None:
        self._advance()
        session = Session(tag, round(self.meter.register_wh), self.now(), asked_by=asked_by)
        self.session = session
        self.station.speech.begin(self, session)
        self._set_status("Charging")

    def _charge(self) -> str | None:
        """Charge until somebody stops it (the reason), enough was delivered, or the car is full."""
        session, behaviour = self.session, self.station.scenario.behaviour
        assert session is not None
        while True:
            self._wait(self._sample_s())
            self.station.speech.sample(self, session)
            if session.stop_reason is not None:
                return session.stop_reason
            if self.car is None or self.car.soc >= 1.0:
                return None
            if self.meter.register_wh - session.meter_start_wh >= behaviour.energy_wh:
                return None if self.life == "idle_after_full" else "Local"

    def _stand_idle(self, seconds: float) -> str | None:
        """Stay plugged in without charging."""
        session = self.session
        assert session is not None
        self.car = None
        self._set_status("SuspendedEV")
        self.station.speech.suspend(self, session)
        until = self._time + seconds
        while session.stop_reason is None and self._time < until:
            self._wait(min(self._sample_s(), until - self._time))
            self.station.speech.sample(self, session)
        return session.stop_reason

    def _end(self, reason: str) -> None:
        session, self.session, self.car = self.session, None, None
        assert session is not None
        self._advance()
        session.stop_reason = reason
        session.meter_stop_wh = round(self.meter.register_wh)
        self.station.speech.end(self, session)

    # Helpers

    def _advance(self) -> None:
        car = self.car if self.session is not None else None
        power_w = self.station.scenario.hardware.max_power_w
        begun = datetime.fromtimestamp(self.session.began_at, UTC) if self.session else None
        at = datetime.fromtimestamp(self.now(), UTC)
        allowed_w = self.station.profiles.limit_w(self.number, at, begun, power_w)
        self.meter.advance(self.now(), car, allowed_w, self.station.chance)

    def _sample_s(self) -> float:
        return self.station.configuration.seconds("MeterValueSampleInterval") or 3600.0

    def _set_status(self, status: str) -> None:
        if status != self.status:
            shown = self.station.speech.shown
            news = shown(status) != shown(self.status)
            self.status = status
            log.info(
                "%s connector %d: %s, %.1f kW, %.3f kWh",
                self.station.identity,
                self.number,
                status,
                self.meter.power_w / 1000,
                self.meter.register_wh / 1000,
            )
            if news:
                gevent.spawn(self.station.report_status, self)

    def _rest(self) -> None:
        """The status without a car."""
        if self.life == "faulted":
            return
        self._set_status("Available" if self.operative else "Unavailable")

    def _wait(self, seconds: float | None) -> None:
        """Wait for so many seconds of the connector's time, or until something is asked of it."""
        self._until = math.inf if seconds is None else self._time + seconds
        wait_s = None if seconds is None else self.station.clock.wait_s(self._until)
        woken = self._woken.wait(wait_s)
        self._woken.clear()
        self._time = self._until = self.now() if woken else self._until
