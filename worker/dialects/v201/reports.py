"""What a station tells besides all that: vendors' messages (OCPP 2.0.1 block P)."""

from worker.dialects.kept import kept

data_transfer = kept("data_transfer", "vendorId", {"status": "UnknownVendorId"})
