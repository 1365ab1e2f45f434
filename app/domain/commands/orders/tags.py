"""Orders about tags: the list that a station knows by heart, and plugs that are kept for one."""

from app.domain.access import local_lists, reservations
from app.domain.commands.orders.spec import Spec
from app.domain.ground.vocabulary import Arguments, Order
from app.domain.ground.vocabulary.values import TOKEN_KINDS
from app.domain.money import station_tariffs
from app.schemas.typed import (
    SESSION,
    Argument,
    instant,
    optional,
    plug_or_station,
    row,
    several,
    text,
    whole,
    word,
)

#: How a list is sent: as it fits best, as a whole, as what changed, or emptied.
MODES = ("auto", "full", "differential", "empty")

#: Kinds of plugs that a reservation may ask for, where any plug of the kind will do, as people say.
PLUG_TYPES = {
    "type_1": "Type 1",
    "type_2": "Type 2",
    "type_2_socket": "Type 2 socket",
    "type_3_socket": "Type 3 socket",
    "ccs_1": "CCS 1",
    "ccs_2": "CCS 2",
    "chademo": "CHAdeMO",
    "nacs": "NACS",
    "schuko": "Schuko",
    "gbt_dc": "GB/T DC",
    "mcs": "MCS",
    "inductive": "by induction",
    "pantograph": "by pantograph",
}

#: Nobody keeps a plug longer than a year.
MOST_MINUTES = 366 * 24 * 60

_SEND = "Send the local list"


def _send(given: Arguments) -> str:
    if "version" not in given:
        return _SEND
    if given["mode"] == "empty":
        return f"Empty the local list (version {given['version']})"
    told, gone = len(given.get("entries") or ()), len(given.get("removed") or ())
    if given["update"] == "full":
        return f"Send the local list, version {given['version']}: {told} tags"
    return f"Update the local list to version {given['version']}: {told} tags, {gone} removed"


def _reserve(given: Arguments) -> str:
    if given.get("connector"):
        return f"Reserve connector {given['connector']} for tag {given['token']}"
    return f"Reserve a connector for tag {given['token']}"


LOCAL_LISTS = (
    Spec(
        Order.SEND_LOCAL_LIST,
        _SEND,
        arguments={"mode": optional(word(*MODES))},
        words=_send,
        question="Replace what {identity} knows of tags while it is offline?",
        prepare=local_lists.prepare,
        after=local_lists.answered,
    ),
    Spec(
        Order.READ_LOCAL_LIST_VERSION,
        "Ask for the local list's version",
        after=local_lists.note_version,
    ),
)

RESERVATIONS = (
    Spec(
        Order.RESERVE,
        "Reserve",
        arguments={
            "connector": optional(plug_or_station),
            "plug_type": optional(word(*PLUG_TYPES)),
            "token": Argument(text(255), label="Tag"),
            "token_kind": optional(word(*TOKEN_KINDS)),
            "minutes": optional(whole(1, MOST_MINUTES)),
            "expires_at": optional(instant, label="Expires at"),
        },
        words=_reserve,
        raw=("ReserveNow",),
        after_boot=True,
        single=True,
        prepare=reservations.prepare,
        after=reservations.answered,
    ),
    Spec(
        Order.CANCEL_RESERVATION,
        "Cancel a reservation",
        arguments={"reservation_id": Argument(row)},
        words=lambda given: f"Cancel reservation {given['reservation_id']}",
        question="Cancel this reservation? Its driver may find the plug taken.",
        single=True,
        prepare=reservations.prepare_cancel,
        after=reservations.cancel_answered,
    ),
)


# Orders about the tariffs that a 2.1 station knows itself, and about payments there.

_CONNECTOR = optional(plug_or_station, help="Nothing or 0: all of them.")
_TARIFF = Argument(row, label="Tariff", help="Its number in the tariff book.")


def _on(given: Arguments) -> str:
    return f" on connector {given['connector']}" if given.get("connector") else ""


def _default(given: Arguments) -> str:
    figure = given["tariff_id"]
    return f"Set default tariff {figure}{_on(given)}"


def _change(given: Arguments) -> str:
    session = given.get("session_id") or given.get("transaction_ref")
    return f"Change the tariff of session {session}"


SPECS = (
    Spec(
        Order.SET_DEFAULT_TARIFF,
        "Set the default tariff",
        arguments={"tariff_id": _TARIFF, "connector": _CONNECTOR, "valid_from": optional(instant)},
        words=_default,
        prepare=station_tariffs.prepare_default,
        after=station_tariffs.settle_set,
    ),
    Spec(
        Order.READ_TARIFFS,
        "Read tariffs",
        arguments={"connector": _CONNECTOR},
        after=station_tariffs.settle_read,
    ),
    Spec(
        Order.CLEAR_TARIFFS,
        "Clear tariffs",
        arguments={
            "numbers": optional(several(text(60), 100), help="As the station names them; or all."),
            "connector": _CONNECTOR,
        },
        question="Remove these tariffs from {identity}?",
        after=station_tariffs.settle_clear,
    ),
    Spec(
        Order.CHANGE_TRANSACTION_TARIFF,
        "Change the tariff of a session",
        arguments={"tariff_id": _TARIFF, **SESSION},
        words=_change,
        question="Change the price at the charger? The bill of the session waits for review then.",
        single=True,
        prepare=station_tariffs.prepare_change,
        after=station_tariffs.settle_set,
    ),
    Spec(
        Order.ANNOUNCE_WEB_PAYMENT,
        "Announce a web payment",
        arguments={
            "connector": Argument(plug_or_station),
            "timeout_s": Argument(whole(1, 86_400), help="How long the payment may take."),
        },
        words=lambda given: f"Announce a web payment{_on(given)}",
        single=True,
    ),
)
