"""Battery swaps (OCPP 2.1 block S)."""

from worker.dialects.kept import kept

battery_swap = kept("battery_swap", "eventType")
