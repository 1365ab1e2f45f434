"""Events of transactions (OCPP 2.1 block E): as in 2.0.1, and more is told of them."""

from worker.dialects.context import Context, Payload
from worker.dialects.v201 import transactions as v201
from worker.ocpp.fields import Fields

FACTS = {
    **v201.FACTS,
    "cost_details": "costDetails",
    "preconditioning": "preconditioningStatus",
    "evse_sleep": "evseSleep",
}
OF_TRANSACTION = {
    **v201.OF_TRANSACTION,
    "limits": "transactionLimit",
    "tariff": "tariffId",
    "operation_mode": "operationMode",
}


def transaction_event(call: Fields, ctx: Context) -> Payload:
    """Pass on one event of a transaction, with what 2.1 tells besides."""
    return v201.answer(call, ctx, FACTS, OF_TRANSACTION)
