"""Charging profiles, dynamic schedules and distributed energy (OCPP 2.1 blocks K and R)."""

from worker.dialects.kept import kept

priority_charging = kept("priority_charging", "transactionId")
pull_schedule = kept("dynamic_schedule", "chargingProfileId", {"status": "Rejected"})
der_alarm = kept("der", "controlType")
der_start_stop = kept("der", "controlId")
der_report = kept("der", "requestId")
