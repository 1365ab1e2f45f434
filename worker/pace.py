"""How fast one charger is read: bursts at once, a flood slowly, what never ends not at all."""

#: Calls per second and charger that are read without delay, and how many may come in one go.
READ_RATE, READ_BURST = 500.0, 1000.0
#: Who has to be slowed down without a break for this long is cut off (FIELD section 4).
FLOOD_S = 300.0


class Flood(Exception):
    """The charger has been too fast for minutes on end."""


class Pace:
    """A token bucket in seconds of a steady clock; nothing is dropped for coming too fast."""

    __slots__ = ("_allowance", "_at", "_flood_s", "_slowed_at")

    def __init__(self, now: float, flood_s: float) -> None:
        self._allowance = READ_BURST
        self._at = now
        self._flood_s = flood_s
        self._slowed_at: float | None = None

    def wait_s(self, now: float) -> float:
        """How long the message that has just come must wait; raises Flood."""
        earned = (now - self._at) * READ_RATE
        self._allowance = min(READ_BURST, self._allowance + earned) - 1.0
        self._at = now
        if self._allowance >= 0:
            self._slowed_at = None
            return 0.0
        if self._slowed_at is None:
            self._slowed_at = now
        if now - self._slowed_at > self._flood_s:
            raise Flood
        return -self._allowance / READ_RATE
