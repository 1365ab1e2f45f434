"""The words of OCPP 1.6 and what they mean to the business."""

from collections.abc import Collection

from app.domain.ground.vocabulary import Activity, Availability, StopReason

STATUSES: dict[str, tuple[Availability, Activity]] = {
    "Available": (Availability.AVAILABLE, Activity.NONE),
    "Preparing": (Availability.OCCUPIED, Activity.PREPARING),
    "Charging": (Availability.OCCUPIED, Activity.CHARGING),
    "SuspendedEV": (Availability.OCCUPIED, Activity.SUSPENDED_EV),
    "SuspendedEVSE": (Availability.OCCUPIED, Activity.SUSPENDED_EVSE),
    "Finishing": (Availability.OCCUPIED, Activity.FINISHING),
    "Reserved": (Availability.RESERVED, Activity.NONE),
    "Unavailable": (Availability.UNAVAILABLE, Activity.NONE),
    "Faulted": (Availability.FAULTED, Activity.NONE),
}

#: What connector 0 may say of the whole station (1.6 section 3.8).
STATION_STATUSES = frozenset({"Available", "Unavailable", "Faulted"})

STOP_REASONS: dict[str, StopReason] = {
    "DeAuthorized": StopReason.DEAUTHORIZED,
    "EmergencyStop": StopReason.EMERGENCY_STOP,
    "EVDisconnected": StopReason.EV_DISCONNECTED,
    "HardReset": StopReason.HARD_RESET,
    "Local": StopReason.LOCAL,
    "Other": StopReason.OTHER,
    "PowerLoss": StopReason.POWER_LOSS,
    "Reboot": StopReason.REBOOT,
    "Remote": StopReason.REMOTE,
    "SoftReset": StopReason.SOFT_RESET,
    "UnlockCommand": StopReason.UNLOCK_COMMAND,
}

#: What a TriggerMessage names, by the domain's word.
TRIGGERS: dict[str, str] = {
    "boot": "BootNotification",
    "status": "StatusNotification",
    "heartbeat": "Heartbeat",
    "meter_values": "MeterValues",
    "diagnostics": "DiagnosticsStatusNotification",
    "firmware": "FirmwareStatusNotification",
}

#: What an ExtendedTriggerMessage names (the security extension).
EXTENDED_TRIGGERS: dict[str, str] = {
    "boot": "BootNotification",
    "status": "StatusNotification",
    "heartbeat": "Heartbeat",
    "meter_values": "MeterValues",
    "log_status": "LogStatusNotification",
    "firmware": "FirmwareStatusNotification",
    "sign_certificate": "SignChargePointCertificate",
}


def match(word: str | None, words: Collection[str]) -> str | None:
    """Find a word as the specification spells it, whatever case it came in (FIELD S3)."""
    if word is None or word in words:
        return word
    folded = word.casefold()
    return next((known for known in words if known.casefold() == folded), None)


def transaction_id(ref: str) -> int:
    """The number that a station was told, also of a session that stood aside (`sessions.row`)."""
    return int(ref.partition("#")[0])
