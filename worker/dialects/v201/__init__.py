"""OCPP 2.0.1: what it hears and what it can put."""

from worker.dialects import records
from worker.dialects.records import Dialect
from worker.dialects.v201 import (
    access,
    certificates,
    device,
    files,
    metering,
    monitoring,
    profiles,
    station,
    transactions,
)
from worker.ocpp.versions import Version

DIALECT = Dialect(
    Version.V201,
    {
        **access.ROUTES,
        **transactions.ROUTES,
        **metering.ROUTES,
        **profiles.ROUTES,
        **device.ROUTES,
        **monitoring.ROUTES,
        **station.ROUTES,
        **files.ROUTES,
        **certificates.ROUTES,
    },
    {
        **transactions.ORDERS,
        **station.ORDERS,
        **device.ORDERS,
        **certificates.ORDERS,
        **files.ORDERS,
        **access.ORDERS,
        **monitoring.ORDERS,
        **profiles.ORDERS,
        **records.RAW_ORDERS,
    },
)
