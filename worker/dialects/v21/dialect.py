"""OCPP 2.1: all that 2.0.1 hears and can put, but for what is replaced or came new here."""

from worker.dialects.route import Dialect
from worker.dialects.v21 import (
    access,
    certificates,
    der,
    device,
    profiles,
    tariffs,
    transactions,
)
from worker.dialects.v201.dialect import DIALECT as V201
from worker.ocpp.versions import Version

DIALECT = Dialect(
    Version.V21,
    {
        **V201.routes,
        **access.ROUTES,
        **transactions.ROUTES,
        **profiles.ROUTES,
        **der.ROUTES,
        **device.ROUTES,
        **certificates.ROUTES,
    },
    {
        **V201.orders,
        **transactions.ORDERS,
        **device.ORDERS,
        **certificates.ORDERS,
        **access.ORDERS,
        **profiles.ORDERS,
        **der.ORDERS,
        **tariffs.ORDERS,
    },
)
