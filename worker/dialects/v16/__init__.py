"""OCPP 1.6 with its security extension: what it hears and what it can put."""

from worker.dialects import records
from worker.dialects.records import Dialect
from worker.dialects.v16 import access, device, files, profiles, transactions
from worker.ocpp.versions import Version

DIALECT = Dialect(
    Version.V16,
    {**access.ROUTES, **transactions.ROUTES, **device.ROUTES, **files.ROUTES},
    {
        **transactions.ORDERS,
        **device.ORDERS,
        **files.ORDERS,
        **access.ORDERS,
        **profiles.ORDERS,
        **records.RAW_ORDERS,
    },
)
