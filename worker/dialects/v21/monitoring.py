"""Periodic event streams (OCPP 2.1 block N)."""

from worker.dialects.kept import kept

open_stream = kept("event_stream", "", {"status": "Accepted"})
close_stream = kept("event_stream", "id")
stream_event = kept("event_stream", "id")
