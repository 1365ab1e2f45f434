"""OCPP 2.1: all that 2.0.1 hears and can put, but for what is replaced or came new here."""

from worker.dialects.records import Dialect
from worker.dialects.v21 import access, der, device, profiles, transactions
from worker.dialects.v201 import DIALECT as V201
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
    },
    {
        **V201.orders,
        **transactions.ORDERS,
        **device.ORDERS,
        **access.ORDERS,
        **profiles.ORDERS,
        **der.ORDERS,
    },
)
