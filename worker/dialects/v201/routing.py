"""The table of OCPP 2.0.1: action -> handler.  What is not here is not implemented."""

from worker.dialects.context import READINGS, Bulk, Handler, Long, Outside
from worker.dialects.v201 import (
    authorisation,
    availability,
    certificates,
    display,
    files,
    meter_values,
    monitoring,
    profiles,
    provisioning,
    reports,
    reservations,
    settings,
    transactions,
)

HANDLERS: dict[str, Handler | Bulk | Outside] = {
    "Authorize": authorisation.authorize,
    "BootNotification": provisioning.boot_notification,
    "ClearedChargingLimit": profiles.cleared_limit,
    "DataTransfer": reports.data_transfer,
    "FirmwareStatusNotification": files.firmware_status,
    "Get15118EVCertificate": certificates.ev_certificate,
    "GetCertificateStatus": certificates.certificate_status,
    "Heartbeat": provisioning.heartbeat,
    "LogStatusNotification": files.log_status,
    "MeterValues": Bulk(meter_values.meter_values, {}),
    "NotifyChargingLimit": profiles.charging_limit,
    "NotifyCustomerInformation": files.customer_information,
    "NotifyDisplayMessages": display.display_messages,
    "NotifyEVChargingNeeds": profiles.charging_needs,
    "NotifyEVChargingSchedule": profiles.charging_schedule,
    "NotifyEvent": monitoring.event,
    "NotifyMonitoringReport": monitoring.monitoring_report,
    "NotifyReport": settings.report,
    "PublishFirmwareStatusNotification": files.publish_status,
    "ReportChargingProfiles": profiles.report_profiles,
    "ReservationStatusUpdate": reservations.status_update,
    "SecurityEventNotification": certificates.security_event,
    "SignCertificate": certificates.sign_certificate,
    "StatusNotification": availability.status_notification,
    "TransactionEvent": transactions.transaction_event,
}

#: Messages that may be long, and how they are cut.
LONG = {
    "MeterValues": READINGS,
    "NotifyDisplayMessages": Long("messageInfo", 50, more="tbc"),
    "NotifyEvent": Long("eventData", 25, more="tbc"),
    "NotifyMonitoringReport": Long("monitor", 50, more="tbc"),
    "NotifyReport": Long("reportData", 300, more="tbc"),
    "ReportChargingProfiles": Long("chargingProfile", 50, more="tbc"),
    "TransactionEvent": Long(
        "meterValue",
        samples="sampledValue",
        ahead=transactions.readings_ahead,
        kept=transactions.ends_of,
    ),
}

#: Messages behind which stand kilowatt-hours: they are never refused while those can be read.
MONEY = frozenset({"MeterValues", "TransactionEvent"})

#: What a station whose boot was not accepted may still send (B02.FR.09).
BEFORE_BOOT = frozenset({"BootNotification"})

#: What is answered while nothing can be stored, by action: nobody may charge on a guess.
WITHOUT_STORAGE = {"Authorize": {"idTokenInfo": {"status": "Invalid"}}}
