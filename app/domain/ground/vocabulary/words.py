"""The states and kinds of the business, one enumeration each."""

import re
from enum import StrEnum


def spoken(word: str) -> str:
    """A word of these as people read it: "EV disconnected"."""
    return re.sub(r"\bev(?:se)?\b", lambda name: name[0].upper(), word.replace("_", " "))


class Availability(StrEnum):
    """Whether a connector (or a whole station) can serve."""

    AVAILABLE = "available"
    OCCUPIED = "occupied"
    RESERVED = "reserved"
    UNAVAILABLE = "unavailable"
    FAULTED = "faulted"
    UNKNOWN = "unknown"


class Activity(StrEnum):
    """What happens at an occupied connector."""

    NONE = "none"
    PREPARING = "preparing"
    CHARGING = "charging"
    SUSPENDED_EV = "suspended_ev"
    SUSPENDED_EVSE = "suspended_evse"
    FINISHING = "finishing"


#: Activities in which the car stays plugged in without taking energy by its own choice.
IDLING = frozenset({Activity.SUSPENDED_EV, Activity.FINISHING})


class Registration(StrEnum):
    """How a BootNotification of the station is answered; a blocked one may not even connect."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    REJECTED = "rejected"
    BLOCKED = "blocked"


class StationMode(StrEnum):
    """Who may charge at a station."""

    CLOSED = "closed"
    LISTED = "listed"
    OPEN = "open"


class TagStatus(StrEnum):
    """Whether a tag may be used at all."""

    ACTIVE = "active"
    BLOCKED = "blocked"


class Verdict(StrEnum):
    """The answer to a tap."""

    ACCEPTED = "accepted"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    INVALID = "invalid"
    CONCURRENT = "concurrent"


class StopReason(StrEnum):
    """Why a charging session ended."""

    LOCAL = "local"
    REMOTE = "remote"
    EV_DISCONNECTED = "ev_disconnected"
    DEAUTHORIZED = "deauthorized"
    EMERGENCY_STOP = "emergency_stop"
    HARD_RESET = "hard_reset"
    SOFT_RESET = "soft_reset"
    REBOOT = "reboot"
    POWER_LOSS = "power_loss"
    UNLOCK_COMMAND = "unlock_command"
    MASTER_PASS = "master_pass"
    STOPPED_BY_EV = "stopped_by_ev"
    ENERGY_LIMIT = "energy_limit"
    TIME_LIMIT = "time_limit"
    CHARGE_LIMIT = "charge_limit"
    OUT_OF_CREDIT = "out_of_credit"
    TIMEOUT = "timeout"
    GROUND_FAULT = "ground_fault"
    OVERCURRENT = "overcurrent"
    POWER_QUALITY = "power_quality"
    ENERGY_TRANSFER_REJECTED = "energy_transfer_rejected"
    OTHER = "other"
    NEVER_REPORTED = "never_reported"

    def said(self, word: str | None) -> str:
        """The reason as people read it; the station's own `word` where that is none we know."""
        return word if self is StopReason.OTHER and word else spoken(self)


class SessionState(StrEnum):
    """Where a charging session stands."""

    CHARGING = "charging"
    ENDED = "ended"
    #: It never became active: its reservation ran out unused, and that has a price.
    NO_SHOW = "no_show"


class BillingState(StrEnum):
    """Where the money of a charging session stands."""

    OPEN = "open"
    HELD = "held"
    BILLED = "billed"
    WAIVED = "waived"


class BillKind(StrEnum):
    """What a bill row is: the first, the credit that cancels one, or its replacement."""

    BILL = "bill"
    CREDIT = "credit"
    CORRECTION = "correction"


class ReceiptState(StrEnum):
    """Where the mail of a bill stands; `UNKNOWN`: the server may or may not have taken it."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ReservationState(StrEnum):
    """Where a reservation stands."""

    ASKED = "asked"
    ACTIVE = "active"
    REJECTED = "rejected"
    USED = "used"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAULTED = "faulted"
    REMOVED = "removed"


class ProfileState(StrEnum):
    """Where a charging profile at a station stands."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CLEARED = "cleared"
    REPORTED = "reported"


class FileJobKind(StrEnum):
    """What is fetched from or brought to a station."""

    FIRMWARE = "firmware"
    PUBLISHED_FIRMWARE = "published_firmware"
    DIAGNOSTICS = "diagnostics"
    SECURITY_LOG = "security_log"
    DATA_COLLECTOR_LOG = "data_collector_log"


class FileJobState(StrEnum):
    """Where a firmware or log job stands."""

    ASKED = "asked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class JobKind(StrEnum):
    """What is done for a member of staff while nobody waits for it."""

    IMPORT_TAGS = "import_tags"
    IMPORT_DRIVERS = "import_drivers"
    IMPORT_SITES = "import_sites"
    IMPORT_STATIONS = "import_stations"
    EXPORT_SESSIONS = "export_sessions"
    EXPORT_BILLS = "export_bills"
    EXPORT_REPORT = "export_report"


class ReportKind(StrEnum):
    """What a report is of."""

    ENERGY = "energy"
    REVENUE = "revenue"
    USE = "use"
    UPTIME = "uptime"
    FAULTS = "faults"
    TRIES = "tries"


_OF_SESSIONS = ("site", "station", "connector", "tariff", "driver")
_OF_PLUGS = ("site", "station", "connector")
#: What the lines of a report can stand for; the first is usual.
REPORT_WAYS: dict[ReportKind, tuple[str, ...]] = {
    ReportKind.ENERGY: _OF_SESSIONS,
    ReportKind.REVENUE: _OF_SESSIONS,
    ReportKind.USE: ("hour",),
    ReportKind.UPTIME: _OF_PLUGS,
    ReportKind.FAULTS: (*_OF_PLUGS, "error"),
    ReportKind.TRIES: _OF_SESSIONS,
}


class JobState(StrEnum):
    """Where an import or an export stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class FileStep(StrEnum):
    """What a station says of a firmware or log job on its way; the same for every version."""

    IDLE = "idle"
    # firmware
    DOWNLOAD_SCHEDULED = "download_scheduled"
    DOWNLOADING = "downloading"
    DOWNLOAD_PAUSED = "download_paused"
    DOWNLOADED = "downloaded"
    DOWNLOAD_FAILED = "download_failed"
    SIGNATURE_VERIFIED = "signature_verified"
    INVALID_SIGNATURE = "invalid_signature"
    INSTALL_SCHEDULED = "install_scheduled"
    INSTALLING = "installing"
    INSTALL_REBOOTING = "install_rebooting"
    INSTALL_VERIFICATION_FAILED = "install_verification_failed"
    INSTALLATION_FAILED = "installation_failed"
    INSTALLED = "installed"
    # firmware that a local controller hands on
    CHECKSUM_VERIFIED = "checksum_verified"
    INVALID_CHECKSUM = "invalid_checksum"
    PUBLISHED = "published"
    PUBLISH_FAILED = "publish_failed"
    # logs
    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    UPLOAD_FAILED = "upload_failed"
    BAD_MESSAGE = "bad_message"
    NOT_SUPPORTED = "not_supported"
    PERMISSION_DENIED = "permission_denied"
    CANCELLED = "cancelled"


class Role(StrEnum):
    """What a member of staff may do: built in, or `own`, a role that the organisation made."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"
    OWN = "own"


class Area(StrEnum):
    """What rights are given for: the rooms of the house, and what only few should change."""

    NETWORK = "network"
    ACCESS = "access"
    CHARGING = "charging"
    MONEY = "money"
    TARIFFS = "tariffs"
    LIMITS = "limits"
    DEVICE = "device"
    TRUST = "trust"
    COMMANDS = "commands"
    OFFICE = "office"
    PRIVACY = "privacy"
    STAFF = "staff"
    AUDIT = "audit"
    ORGANISATION = "organisation"


class Right(StrEnum):
    """What may be done in an area; whoever may write may read."""

    READ = "read"
    WRITE = "write"


class SecondFactorRule(StrEnum):
    """Whose password alone does not let them in."""

    NOBODY = "nobody"
    ADMINS = "admins"
    EVERYBODY = "everybody"


class SignInWay(StrEnum):
    """How somebody proved who they are."""

    PASSWORD = "password"
    CODE = "code"
    PASSKEY = "passkey"
    PROVIDER = "provider"


class MessageOutcome(StrEnum):
    """How an OCPP call ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    STRAY = "stray"
