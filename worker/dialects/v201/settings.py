"""What a station is made of, told part by part (OCPP 2.0.1 blocks B07 and B08)."""

from worker.dialects.kept import kept

report = kept("device_report", "requestId")
