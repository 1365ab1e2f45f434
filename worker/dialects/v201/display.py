"""The texts on a station's display (OCPP 2.0.1 block O)."""

from worker.dialects.kept import kept

display_messages = kept("display", "requestId")
