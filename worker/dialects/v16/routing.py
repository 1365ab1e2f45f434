"""The table of OCPP 1.6: action -> handler.  What is not here is not implemented."""

from worker.dialects.context import READINGS, Bulk, Handler, Long
from worker.dialects.v16 import (
    authorisation,
    availability,
    meter_values,
    provisioning,
    reports,
    transactions,
)

HANDLERS: dict[str, Handler | Bulk] = {
    "Authorize": authorisation.authorize,
    "BootNotification": provisioning.boot_notification,
    "DataTransfer": reports.data_transfer,
    "DiagnosticsStatusNotification": reports.diagnostics_status,
    "FirmwareStatusNotification": reports.firmware_status,
    "Heartbeat": provisioning.heartbeat,
    "LogStatusNotification": reports.log_status,
    "MeterValues": Bulk(meter_values.meter_values, {}),
    "SecurityEventNotification": reports.security_event,
    "SignCertificate": reports.sign_certificate,
    "SignedFirmwareStatusNotification": reports.signed_firmware_status,
    "StartTransaction": transactions.start_transaction,
    "StatusNotification": availability.status_notification,
    "StopTransaction": transactions.stop_transaction,
}

#: Messages that may be long, and how they are cut.
LONG = {
    "MeterValues": READINGS,
    "StopTransaction": Long(
        "transactionData", samples="sampledValue", ahead=transactions.readings_ahead
    ),
}

#: Messages behind which stand kilowatt-hours: they are never refused while those can be read.
MONEY = frozenset({"MeterValues", "StartTransaction", "StopTransaction"})

#: What a station whose boot was not accepted may still send (section 4.2).
BEFORE_BOOT = frozenset({"BootNotification"})

#: What is answered while nothing can be stored, by action: nobody may charge on a guess.
WITHOUT_STORAGE = {"Authorize": {"idTagInfo": {"status": "Invalid"}}}
