"""How fast one charger is read: bursts at once, a flood slowly, what never ends not at all.

A message counts by itself, by its bytes (once inflated) and by the objects in it, for each of the
three can be what a charger drowns the others with.
"""

#: Calls per second and charger that are read without delay, and how many may come in one go.
READ_RATE, READ_BURST = 500.0, 1000.0
#: The same in bytes of text, and in objects of JSON (a sampled value is one).
BYTE_RATE, BYTE_BURST = float(1 << 20), float(8 << 20)
ITEM_RATE, ITEM_BURST = 10_000.0, 60_000.0
#: Who has to be slowed down without a break for this long is cut off (FIELD section 4).
FLOOD_S = 300.0


class Flood(Exception):
    """The charger has been too fast for minutes on end."""


class Pace:
    """Token buckets in seconds of a steady clock; nothing is dropped for coming too fast."""

    __slots__ = ("_at", "_bytes", "_flood_s", "_items", "_messages", "_slowed_at")

    def __init__(self, now: float, flood_s: float) -> None:
        self._messages = READ_BURST
        self._bytes = BYTE_BURST
        self._items = ITEM_BURST
        self._at = now
        self._flood_s = flood_s
        self._slowed_at: float | None = None

    def wait_s(self, now: float, size: int = 0, items: int = 0) -> float:
        """How long the message that has just come must wait; raises Flood.

        `size` is its length in bytes, `items` how many objects it holds.
        """
        passed_s = now - self._at
        self._at = now
        messages = self._messages + passed_s * READ_RATE
        octets = self._bytes + passed_s * BYTE_RATE
        objects = self._items + passed_s * ITEM_RATE
        self._messages = (messages if messages < READ_BURST else READ_BURST) - 1.0
        self._bytes = (octets if octets < BYTE_BURST else BYTE_BURST) - size
        self._items = (objects if objects < ITEM_BURST else ITEM_BURST) - items
        if self._messages >= 0 and self._bytes >= 0 and self._items >= 0:
            self._slowed_at = None
            return 0.0
        if self._slowed_at is None:
            self._slowed_at = now
        if now - self._slowed_at > self._flood_s:
            raise Flood
        return -min(
            self._messages / READ_RATE, self._bytes / BYTE_RATE, self._items / ITEM_RATE, 0.0
        )
