"""Firmware, logs and customer information (OCPP 2.0.1 blocks L and N)."""

from worker.dialects.kept import kept

firmware_status = kept("firmware", "status")
publish_status = kept("firmware", "status")
log_status = kept("log", "status")
customer_information = kept("customer_information", "requestId")
