"""An OCPP message in one line of words: `4 samples · 22.41 kWh · 21.8 kW`.

WORDS is the table: action -> how its request (and its answer) is said, whichever version it came
in.  An action that is not in it is said by its first few fields.
"""

from app.domain.ground.vocabulary import MessageOutcome
from app.domain.office.messages import reading_of
from app.models import Message
from app.text.message_parts import DOT, at, parsed, record, records, said, short
from app.text.message_phrases import (
    Request,
    Say,
    boot,
    device_event,
    event,
    get_variables,
    meter,
    monitors,
    part,
    profile,
    read_settings,
    set_variables,
    start,
    status_word,
    stop,
    tag,
    words,
)

#: How a call ended when it was not answered.
ENDS = {
    MessageOutcome.TIMED_OUT: "no answer in time",
    MessageOutcome.LOST: "the connection was lost before an answer",
    MessageOutcome.STRAY: "an answer that nobody waits for",
}
#: Where answers say how it went: the first that is there.
_STATUS = ("status", "idTagInfo.status", "idTokenInfo.status")
#: Answers of 2.x that say it for each of several things: the list, and the member of each.
_STATUSES = {
    "setVariableResult": "attributeStatus",
    "getVariableResult": "attributeStatus",
    "setMonitoringResult": "status",
    "clearMonitoringResult": "status",
    "clearTariffsResult": "status",
}


def in_words(message: Message) -> str:
    """Say a message and its answer in one line of plain text."""
    request, answer = (
        parsed(reading_of(text or "")) for text in (message.request, message.response)
    )
    text = WORDS.get(message.action, _fields)(record(request), record(answer))
    if not text and not isinstance(request, dict):
        text = short(message.request)
    end = _end(message, record(answer))
    return " → ".join(part for part in (text, end) if part)


def _end(message: Message, answer: Request) -> str:
    if message.outcome is MessageOutcome.REFUSED:
        return DOT.join(filter(None, [message.error_code or "", message.error_description or ""]))
    if message.outcome in ENDS:
        return ENDS[message.outcome]
    status = next((found for path in _STATUS if (found := at(answer, path)) is not None), None)
    if status is None:
        status = _statuses(answer)
    info = record(answer.get("statusInfo"))
    return said(status, info.get("reasonCode"), info.get("additionalInfo"))


def _statuses(answer: Request) -> str:
    """How it went for each of several things, each word once."""
    words = [
        short(one.get(member))
        for name, member in _STATUSES.items()
        for one in records(answer.get(name))
    ]
    return ", ".join(dict.fromkeys(filter(None, words)))


def _fields(request: Request, answer: Request) -> str:
    plain = [(key, value) for key, value in request.items() if not isinstance(value, dict | list)]
    return DOT.join(f"{short(key)} {short(value)}".strip() for key, value in plain[:4])


_FIRMWARE = words("status", ("request", "requestId"))
_SESSION = ("session", "transactionId")
_REQUEST = ("request", "requestId")
_LOG = words("logType", _REQUEST, ("file", ">filename"))

WORDS: dict[str, Say] = {
    "Authorize": tag,
    "BootNotification": boot,
    "DataTransfer": words(("vendor", "vendorId"), "messageId", "data"),
    "DiagnosticsStatusNotification": words("status"),
    "FirmwareStatusNotification": _FIRMWARE,
    "Heartbeat": lambda _, answer: "clock given" if "currentTime" in answer else "",
    "LogStatusNotification": _FIRMWARE,
    "MeterValues": meter,
    "SecurityEventNotification": words("type", "techInfo"),
    "SignCertificate": words(("a certificate request for", "certificateType")),
    "SignedFirmwareStatusNotification": _FIRMWARE,
    "StartTransaction": start,
    "StatusNotification": status_word,
    "StopTransaction": stop,
    "TransactionEvent": event,
    # Reports of 2.x
    "BatterySwap": words("eventType", "tag", ("batteries", "batteryData.#")),
    "ClearedChargingLimit": words("plug", ("no limit any more by", "chargingLimitSource")),
    "ClosePeriodicEventStream": words(("stream", "id")),
    "Get15118EVCertificate": words("action", ("schema", "iso15118SchemaVersion")),
    "GetCertificateChainStatus": words(("certificates", "certificateStatusRequests.#")),
    "GetCertificateStatus": words(("certificate", "ocspRequestData.serialNumber")),
    "NotifyAllowedEnergyTransfer": words("allowedEnergyTransfer", _SESSION),
    "NotifyChargingLimit": words("plug", ("limit by", "chargingLimit.chargingLimitSource")),
    "NotifyCustomerInformation": words(("part", "seqNo"), ("more to come?", "tbc"), _REQUEST),
    "NotifyDERAlarm": words("controlType", "gridEventFault", ("ended?", "alarmEnded")),
    "NotifyDERStartStop": words(("control", "controlId"), ("started?", "started")),
    "NotifyDisplayMessages": part("message", "messageInfo.#"),
    "NotifyEVChargingNeeds": words("plug", "chargingNeeds.requestedEnergyTransfer"),
    "NotifyEVChargingSchedule": words("plug", ("from", "timeBase")),
    "NotifyEvent": device_event,
    "NotifyMonitoringReport": part("variable", "monitor.#"),
    "NotifyPeriodicEventStream": words(("stream", "id"), ("values", "data.#")),
    "NotifyPriorityCharging": words(("switched on?", "activated"), _SESSION),
    "NotifyReport": part("variable", "reportData.#"),
    "NotifySettlement": words("status", ("amount", "settlementAmount"), ("at", "pspRef"), _SESSION),
    "OpenPeriodicEventStream": words(("stream", "constantStreamData.id")),
    "PublishFirmwareStatusNotification": _FIRMWARE,
    "PullDynamicScheduleUpdate": words(("profile", "chargingProfileId")),
    "ReportChargingProfiles": part("profile", "chargingProfile.#"),
    "ReportDERControl": words(("more to come?", "tbc"), _REQUEST),
    "ReservationStatusUpdate": words(("reservation", "reservationId"), "reservationUpdateStatus"),
    "VatNumberValidation": words(("VAT number", "vatNumber"), ">company.name"),
    # Orders
    "AFRRSignal": words(("signal", "signal"), ("at", "timestamp")),
    "AdjustPeriodicEventStream": words(
        ("stream", "id"), ("every", "params.interval"), ("values", "params.values")
    ),
    "CancelReservation": words(("reservation", "reservationId")),
    "CertificateSigned": words(("a signed certificate for", "certificateType")),
    "ChangeAvailability": words("plug", "type", "operationalStatus"),
    "ChangeConfiguration": words("key", "value"),
    "ChangeTransactionTariff": words(("tariff", "tariff.tariffId"), _SESSION),
    "ClearCache": words(),
    "ClearChargingProfile": words(("profile", "id"), ("profile", "chargingProfileId"), "plug"),
    "ClearDERControl": words("controlType", ("control", "controlId")),
    "ClearDisplayMessage": words(("message", "id")),
    "ClearTariffs": words(("tariffs", "tariffIds"), "plug"),
    "ClearVariableMonitoring": words(("monitors", "id")),
    "CostUpdated": words(("cost", "totalCost"), _SESSION),
    "CustomerInformation": words(("told?", "report"), ("erased?", "clear"), "tag", _REQUEST),
    "DeleteCertificate": words(("certificate", "certificateHashData.serialNumber")),
    "ExtendedTriggerMessage": words("requestedMessage", "plug"),
    "GetBaseReport": words("reportBase", _REQUEST),
    "GetChargingProfiles": words("plug", "chargingProfile.chargingProfilePurpose", _REQUEST),
    "GetCompositeSchedule": words("plug", ("seconds", "duration")),
    "GetConfiguration": read_settings,
    "GetDERControl": words("controlType", _REQUEST),
    "GetDiagnostics": words(("file", ">fileName")),
    "GetDisplayMessages": words(("messages", "id"), "priority", "state", _REQUEST),
    "GetInstalledCertificateIds": words(
        "certificateType",
        ("found", ">certificateHashDataChain.#"),
        ("found", ">certificateHashData.#"),
    ),
    "GetLocalListVersion": words(("version", ">listVersion"), ("version", ">versionNumber")),
    "GetLog": _LOG,
    "GetMonitoringReport": words("monitoringCriteria", _REQUEST),
    "GetPeriodicEventStream": words(("streams", ">constantStreamData.#")),
    "GetReport": words("componentCriteria", ("variables", "componentVariable.#"), _REQUEST),
    "GetTariffs": words("plug", ("tariffs", ">tariffAssignments.#")),
    "GetTransactionStatus": words(
        _SESSION, ("goes on?", ">ongoingIndicator"), ("messages are waiting?", ">messagesInQueue")
    ),
    "GetVariables": get_variables,
    "InstallCertificate": words("certificateType"),
    "NotifyWebPaymentStarted": words("plug", ("seconds", "timeout")),
    "PublishFirmware": words("location", _REQUEST),
    "RemoteStartTransaction": words("tag", "plug"),
    "RemoteStopTransaction": words(_SESSION),
    "RequestBatterySwap": words("tag", _REQUEST),
    "RequestStartTransaction": words("tag", "plug", ("start", "remoteStartId")),
    "RequestStopTransaction": words(_SESSION),
    "ReserveNow": words(
        "plug",
        "tag",
        ("until", "expiryDate"),
        ("until", "expiryDateTime"),
        ("reservation", "reservationId"),
        ("reservation", "id"),
    ),
    "Reset": words("type", "plug"),
    "SendLocalList": words(
        "updateType",
        ("version", "listVersion"),
        ("version", "versionNumber"),
        ("cards", "localAuthorizationList.#"),
    ),
    "SetChargingProfile": profile,
    "SetDefaultTariff": words("plug", ("tariff", "tariff.tariffId")),
    "SetDERControl": words("controlType", ("control", "controlId")),
    "SetDisplayMessage": words(
        ("message", "message.id"), "message.priority", "message.message.content"
    ),
    "SetMonitoringBase": words("monitoringBase"),
    "SetMonitoringLevel": words(("severity", "severity")),
    "SetNetworkProfile": words(
        ("slot", "configurationSlot"),
        "connectionData.ocppCsmsUrl",
        ("security profile", "connectionData.securityProfile"),
    ),
    "SetVariableMonitoring": monitors,
    "SetVariables": set_variables,
    "SignedUpdateFirmware": words("firmware.location", _REQUEST),
    "TriggerMessage": words("requestedMessage", "plug"),
    "UnlockConnector": words("plug"),
    "UnpublishFirmware": words(("checksum", "checksum")),
    "UpdateDynamicSchedule": words(
        ("profile", "chargingProfileId"), ("limit", "scheduleUpdate.limit")
    ),
    "UpdateFirmware": words("location", "firmware.location", _REQUEST),
    "UsePriorityCharging": words(("on?", "activate"), _SESSION),
}
