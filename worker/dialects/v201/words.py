"""The words of OCPP 2.0.1 and what they mean to the business."""

from typing import TypeVar

from app.domain.ground.vocabulary import Activity, Availability, StopReason

T = TypeVar("T")

STATUSES: dict[str, Availability] = {
    "Available": Availability.AVAILABLE,
    "Occupied": Availability.OCCUPIED,
    "Reserved": Availability.RESERVED,
    "Unavailable": Availability.UNAVAILABLE,
    "Faulted": Availability.FAULTED,
}

#: What a transaction says that goes on at its plug (ChargingStateEnumType).
ACTIVITIES: dict[str, Activity] = {
    "Charging": Activity.CHARGING,
    "EVConnected": Activity.PREPARING,
    "SuspendedEV": Activity.SUSPENDED_EV,
    "SuspendedEVSE": Activity.SUSPENDED_EVSE,
    "Idle": Activity.NONE,
}

STOP_REASONS: dict[str, StopReason] = {
    "DeAuthorized": StopReason.DEAUTHORIZED,
    "EmergencyStop": StopReason.EMERGENCY_STOP,
    "EnergyLimitReached": StopReason.ENERGY_LIMIT,
    "EVDisconnected": StopReason.EV_DISCONNECTED,
    "GroundFault": StopReason.GROUND_FAULT,
    "ImmediateReset": StopReason.HARD_RESET,
    "Local": StopReason.LOCAL,
    "LocalOutOfCredit": StopReason.OUT_OF_CREDIT,
    "MasterPass": StopReason.MASTER_PASS,
    "Other": StopReason.OTHER,
    "OvercurrentFault": StopReason.OVERCURRENT,
    "PowerLoss": StopReason.POWER_LOSS,
    "PowerQuality": StopReason.POWER_QUALITY,
    "Reboot": StopReason.REBOOT,
    "Remote": StopReason.REMOTE,
    "ReqEnergyTransferRejected": StopReason.ENERGY_TRANSFER_REJECTED,
    "SOCLimitReached": StopReason.CHARGE_LIMIT,
    "StoppedByEV": StopReason.STOPPED_BY_EV,
    "TimeLimitReached": StopReason.TIME_LIMIT,
    "Timeout": StopReason.TIMEOUT,
}

EVENTS: dict[str, str] = {"Started": "started", "Updated": "updated", "Ended": "ended"}

#: The triggers that mean something to the business; the others are kept in their own words.
TRIGGERS: dict[str, str] = {"StopAuthorized": "stop_authorized", "RemoteStart": "remote_start"}

#: Reasons of a refusal for which there is a word of its own.
REASONS: dict[str, str] = {"unknown_tag": "Unknown", "not_here": "NotAtThisLocation"}

#: What a contract's certificates are found to be (AuthorizeCertificateStatusEnumType).
CONTRACTS: dict[str, str] = {
    "accepted": "Accepted",
    "cancelled": "ContractCancelled",
    "revoked": "CertificateRevoked",
    "unverified": "CertChainError",
}


def match(word: str | None, words: dict[str, T]) -> T | None:
    """What a word means, whatever case it came in (FIELD S3); None for one that is not known."""
    if word is None:
        return None
    if word in words:
        return words[word]
    folded = word.casefold()
    return next((words[known] for known in words if known.casefold() == folded), None)
