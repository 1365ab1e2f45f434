"""OCPP 1.6 with its security extension: what it hears and what it can put."""

from worker.dialects import encoding
from worker.dialects.route import Dialect
from worker.dialects.v16 import (
    access,
    certificates,
    device,
    files,
    metering,
    profiles,
    transactions,
)
from worker.ocpp.versions import Version

DIALECT = Dialect(
    Version.V16,
    {
        **access.ROUTES,
        **transactions.ROUTES,
        **metering.ROUTES,
        **device.ROUTES,
        **files.ROUTES,
        **certificates.ROUTES,
    },
    {
        **transactions.ORDERS,
        **device.ORDERS,
        **certificates.ORDERS,
        **files.ORDERS,
        **access.ORDERS,
        **profiles.ORDERS,
        **encoding.ORDERS,
    },
)
