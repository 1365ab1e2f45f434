"""Orders to stations, where they stand, and how they are answered."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

#: What an order is asked with, checked by its record, and what a station's answer to it tells.
Arguments = dict[str, Any]
Facts = dict[str, Any]


class CommandState(StrEnum):
    """Where a command stands."""

    QUEUED = "queued"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"
    UNSUPPORTED = "unsupported"


#: The moves a command may make; an absent pair is an illegal move.
COMMAND_MOVES: frozenset[tuple[CommandState, CommandState]] = frozenset(
    (before, after)
    for before, afters in {
        CommandState.QUEUED: (CommandState.SENT, CommandState.EXPIRED, CommandState.UNSUPPORTED),
        CommandState.SENT: (
            CommandState.ACCEPTED,
            CommandState.REJECTED,
            CommandState.FAILED,
            CommandState.TIMED_OUT,
            CommandState.EXPIRED,
            CommandState.UNSUPPORTED,
        ),
    }.items()
    for after in afters
)

#: Where a command that is under way stands.
OPEN_STATES = frozenset(before for before, _ in COMMAND_MOVES)
#: How one ends that did not do what was asked.
FAILURES = frozenset(CommandState) - OPEN_STATES - {CommandState.ACCEPTED}
#: Of these, those where nothing tells what the station would have said.
UNHEARD = frozenset({CommandState.EXPIRED, CommandState.FAILED, CommandState.TIMED_OUT})

#: What a station does after nobody waits for its answer any more can still tell how it ended, as
#: can the worker that has its answer and could not store it.
LATE_MOVES = COMMAND_MOVES | {
    (CommandState.TIMED_OUT, after)
    for before, after in COMMAND_MOVES
    if before is CommandState.SENT and after is not CommandState.TIMED_OUT
}


class Order(StrEnum):
    """What the desk may ask of a station: one name per meaning, for every version."""

    # charging
    START_CHARGING = "start_charging"
    STOP_CHARGING = "stop_charging"
    READ_TRANSACTION_STATUS = "read_transaction_status"
    SEND_COST = "send_cost"
    # station
    RESET = "reset"
    UNLOCK = "unlock"
    SET_AVAILABILITY = "set_availability"
    TRIGGER = "trigger"
    CLEAR_CACHE = "clear_cache"
    DISCONNECT = "disconnect"
    DATA_TRANSFER = "data_transfer"
    # settings
    CHANGE_SETTING = "change_setting"
    READ_SETTINGS = "read_settings"
    READ_BASE_REPORT = "read_base_report"
    READ_REPORT = "read_report"
    SET_NETWORK_PROFILE = "set_network_profile"
    # monitoring
    SET_MONITORING_BASE = "set_monitoring_base"
    SET_MONITORING_LEVEL = "set_monitoring_level"
    SET_MONITORS = "set_monitors"
    CLEAR_MONITORS = "clear_monitors"
    READ_MONITORS = "read_monitors"
    READ_EVENT_STREAMS = "read_event_streams"
    ADJUST_EVENT_STREAM = "adjust_event_stream"
    # local lists
    SEND_LOCAL_LIST = "send_local_list"
    READ_LOCAL_LIST_VERSION = "read_local_list_version"
    # reservations
    RESERVE = "reserve"
    CANCEL_RESERVATION = "cancel_reservation"
    # profiles
    SET_PROFILE = "set_profile"
    CLEAR_PROFILE = "clear_profile"
    READ_PROFILES = "read_profiles"
    READ_COMPOSITE_SCHEDULE = "read_composite_schedule"
    UPDATE_DYNAMIC_SCHEDULE = "update_dynamic_schedule"
    USE_PRIORITY_CHARGING = "use_priority_charging"
    ALLOW_ENERGY_TRANSFER = "allow_energy_transfer"
    SEND_AFRR_SIGNAL = "send_afrr_signal"
    SET_DER_CONTROL = "set_der_control"
    READ_DER_CONTROL = "read_der_control"
    CLEAR_DER_CONTROL = "clear_der_control"
    # files
    UPDATE_FIRMWARE = "update_firmware"
    PUBLISH_FIRMWARE = "publish_firmware"
    UNPUBLISH_FIRMWARE = "unpublish_firmware"
    FETCH_LOGS = "fetch_logs"
    READ_CUSTOMER_INFORMATION = "read_customer_information"
    # certificates
    INSTALL_CERTIFICATE = "install_certificate"
    DELETE_CERTIFICATE = "delete_certificate"
    READ_CERTIFICATES = "read_certificates"
    SEND_CERTIFICATE = "send_certificate"
    CHANGE_PASSWORD = "change_password"
    # display
    SHOW_MESSAGE = "show_message"
    READ_MESSAGES = "read_messages"
    CLEAR_MESSAGE = "clear_message"
    # tariffs
    SET_DEFAULT_TARIFF = "set_default_tariff"
    READ_TARIFFS = "read_tariffs"
    CLEAR_TARIFFS = "clear_tariffs"
    CHANGE_TRANSACTION_TARIFF = "change_transaction_tariff"
    ANNOUNCE_WEB_PAYMENT = "announce_web_payment"
    # battery swap
    REQUEST_BATTERY_SWAP = "request_battery_swap"
    # whatever else the version defines, as written
    RAW = "raw"


class BroadcastState(StrEnum):
    """Where an order to many stations stands."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a station answered an order; `answer` is its payload, `sentence` says it in words.

    `facts` are what the answer tells, in the domain's words, for
    the order's `after`.  `word` is the status as the station spelled it.
    """

    state: CommandState
    answer: dict[str, Any] | None
    sentence: str
    facts: Facts = field(default_factory=dict)
    word: str = ""
