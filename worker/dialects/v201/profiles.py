"""Charging profiles, limits and the needs of cars (OCPP 2.0.1 block K)."""

from worker.dialects.kept import kept

report_profiles = kept("profiles", "requestId")
charging_limit = kept("charging_limit")
cleared_limit = kept("charging_limit", "chargingLimitSource")
charging_needs = kept("ev_needs", "evseId", {"status": "Rejected"})
charging_schedule = kept("ev_schedule", "evseId", {"status": "Accepted"})
