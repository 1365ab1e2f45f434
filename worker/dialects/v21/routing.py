"""The table of OCPP 2.1: all of 2.0.1's and what came new.  What is not here is not implemented."""

from worker.dialects.context import Bulk, Handler, Long, Outside
from worker.dialects.v21 import (
    authorisation,
    battery_swap,
    certificates,
    monitoring,
    payments,
    profiles,
    transactions,
)
from worker.dialects.v201 import routing as v201

HANDLERS: dict[str, Handler | Bulk | Outside] = {
    **v201.HANDLERS,
    "Authorize": authorisation.authorize,
    "BatterySwap": battery_swap.battery_swap,
    "ClosePeriodicEventStream": monitoring.close_stream,
    "Get15118EVCertificate": certificates.ev_certificate,
    "GetCertificateChainStatus": certificates.chain_status,
    "NotifyChargingLimit": profiles.charging_limit,
    "NotifyDERAlarm": profiles.der_alarm,
    "NotifyDERStartStop": profiles.der_start_stop,
    "NotifyEVChargingNeeds": profiles.charging_needs,
    "NotifyEVChargingSchedule": profiles.charging_schedule,
    "NotifyPeriodicEventStream": monitoring.stream_event,
    "NotifyPriorityCharging": profiles.priority_charging,
    "NotifySettlement": payments.settlement,
    "OpenPeriodicEventStream": monitoring.open_stream,
    "PullDynamicScheduleUpdate": profiles.pull_schedule,
    "ReportChargingProfiles": profiles.report_profiles,
    "ReportDERControl": profiles.der_report,
    "TransactionEvent": transactions.transaction_event,
    "VatNumberValidation": payments.vat_number,
}

#: Messages that are sent without waiting for an answer (2.1 part 4, SEND).
SENT = frozenset({"NotifyPeriodicEventStream"})

LONG = {**v201.LONG, "NotifyPeriodicEventStream": Long("data", 100)}
MONEY = v201.MONEY
BEFORE_BOOT = v201.BEFORE_BOOT
WITHOUT_STORAGE = v201.WITHOUT_STORAGE
