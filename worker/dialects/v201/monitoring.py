"""Monitors and what they noticed (OCPP 2.0.1 block N)."""

from worker.dialects.kept import kept

monitoring_report = kept("monitoring_report", "requestId")
event = kept("event", "seqNo")
