"""What became of a reservation (OCPP 2.0.1 block H)."""

from worker.dialects.kept import kept

status_update = kept("reservation", "reservationUpdateStatus")
