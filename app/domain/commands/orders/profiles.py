"""Orders about charging profiles, limits and energy."""

from app.domain.commands.orders.spec import End, Situation, Spec, Step, numbered
from app.domain.commands.orders.station import EXACT
from app.domain.ground.vocabulary import Arguments, Json, Order
from app.domain.limits import der, profile_forms, profile_reports, setpoints, station_profiles
from app.domain.limits.der_controls import KINDS as DER_KINDS
from app.domain.limits.profile_documents import MORE_NUMBERS, PURPOSES
from app.schemas.typed import (
    SESSION,
    Argument,
    document,
    instant,
    number,
    optional,
    plug_or_station,
    row,
    several,
    text,
    whole,
    word,
    yes,
)

#: How energy may flow between a car and a station, in our words.
TRANSFERS = (
    *("ac_single_phase", "ac_two_phase", "ac_three_phase", "ac_bpt", "ac_bpt_der", "ac_der"),
    *("dc", "dc_bpt", "dc_acdp", "dc_acdp_bpt", "wpt"),
)
SOURCES = ("ems", "other", "so", "cso")
_LEVEL = whole(0, 1000)
_RATE = number(-10_000_000, 10_000_000)
_CRITERIA = {
    "connector": optional(plug_or_station),
    "purpose": optional(word(*PURPOSES)),
    "stack_level": optional(_LEVEL),
}
_DER = {"kind": optional(word(*DER_KINDS)), "default": optional(yes), "control": optional(text(36))}


def _where(given: Arguments) -> str:
    if given.get("session_id"):
        return f" for session {given['session_id']}"
    return f" on connector {given['connector']}" if given.get("connector") else ""


def _set(given: Arguments) -> str:
    where = _where(given)
    if figure := given.get("profile_id"):
        return f"Set charging profile {figure}{where}"
    return f"Set a charging profile{where}"


def _priority(given: Arguments) -> str:
    where = _where(given)
    return f"Priority charging on{where}" if given["active"] else f"Priority charging off{where}"


def _clear(given: Arguments) -> str:
    if given.get("station_profile_id"):
        return f"Clear charging profile {given['station_profile_id']}"
    where = _where(given)
    if purpose := given.get("purpose"):
        return f"Clear charging profiles ({PURPOSES[purpose]}){where}"
    return f"Clear charging profiles{where}"


_NO = frozenset({End.REFUSED, End.ERROR})
_UNIT, _STACK, _KIND = (
    profile_forms.other_unit,
    profile_forms.lowest_stack_level,
    profile_forms.other_kind,
)


def _step(words: str, *changes: profile_forms.Change) -> Step:
    """The first form with all of the changes, where each of them has something to change."""

    def forms(first: Arguments, there: Situation) -> list[Json]:
        found: Json | None = first
        for change in changes:
            found = change(found) if found is not None else None
        return [] if found is None else [found]

    return Step(words, _NO, forms)


SPECS = (
    Spec(
        Order.SET_PROFILE,
        "Set a charging profile",
        arguments={
            "profile_id": optional(
                row, label="Charging profile", help="Its number in the library."
            ),
            "document": optional(document(), help="Instead of a profile of the library, as JSON."),
            "connector": optional(plug_or_station, help="Nothing or 0: the whole station."),
            **SESSION,
            "exact": EXACT,
        },
        words=_set,
        question="Limit charging at {identity}? Cars there may charge slower at once.",
        prepare=station_profiles.prepare_set,
        after=station_profiles.settle_set,
        fallbacks=(
            _step("in the other unit", _UNIT),
            _step("at stack level 0", _STACK),
            _step("in the other unit, at stack level 0", _UNIT, _STACK),
            _step("as the other kind", _KIND),
            _step("as the other kind, in the other unit", _KIND, _UNIT),
            _step("as the other kind, at stack level 0", _KIND, _STACK),
            _step("with all of that", _KIND, _UNIT, _STACK),
        ),
    ),
    Spec(
        Order.CLEAR_PROFILE,
        "Clear charging profiles",
        arguments={
            "station_profile_id": optional(row, help="One profile; or all that fit what follows."),
            **_CRITERIA,
        },
        words=_clear,
        question="Remove these charging profiles from {identity}? Cars there may draw full power "
        "at once.",
        prepare=station_profiles.prepare_clear,
        after=station_profiles.settle_clear,
    ),
    Spec(
        Order.READ_PROFILES,
        "Read charging profiles",
        arguments={**_CRITERIA, "sources": optional(several(word(*SOURCES), 4))},
        words=lambda given: f"Read charging profiles{_where(given)}",
        prepare=numbered,
        after=profile_reports.settle_read,
    ),
    Spec(
        Order.READ_COMPOSITE_SCHEDULE,
        "Read the composite schedule",
        arguments={
            "connector": optional(plug_or_station),
            "duration_s": optional(whole(1, 31_622_400), help="A day where not said."),
            "unit": optional(word("a", "w")),
            "exact": EXACT,
        },
        words=lambda given: f"Read the composite schedule{_where(given)}",
        prepare=profile_reports.prepare_composite,
        after=profile_reports.settle_composite,
        fallbacks=(_step("in whatever unit it prefers", profile_forms.without_unit),),
    ),
    Spec(
        Order.UPDATE_DYNAMIC_SCHEDULE,
        "Update a dynamic profile",
        arguments={
            "station_profile_id": Argument(row),
            "limit": optional(_RATE),
            **{name: optional(_RATE) for name in MORE_NUMBERS},
        },
        words=lambda given: f"Update dynamic profile {given['station_profile_id']}",
        single=True,
        prepare=setpoints.prepare_update,
        after=setpoints.settle_update,
    ),
    Spec(
        Order.USE_PRIORITY_CHARGING,
        "Priority charging",
        arguments={**SESSION, "active": Argument(yes)},
        words=_priority,
        single=True,
        prepare=setpoints.prepare_session,
    ),
    Spec(
        Order.ALLOW_ENERGY_TRANSFER,
        "Allow ways of energy transfer",
        arguments={**SESSION, "transfers": Argument(several(word(*TRANSFERS), len(TRANSFERS)))},
        single=True,
        prepare=setpoints.prepare_session,
    ),
    Spec(
        Order.SEND_AFRR_SIGNAL,
        "Send a frequency reserve signal",
        arguments={"signal": Argument(whole(-(2**31), 2**31 - 1)), "at": optional(instant)},
        words=lambda given: f"Send frequency reserve signal {given['signal']}",
        prepare=setpoints.prepare_signal,
    ),
    Spec(
        Order.SET_DER_CONTROL,
        "Set an inverter control",
        arguments={
            "kind": Argument(word(*DER_KINDS)),
            "default": optional(yes),
            "control": optional(text(36), help="Its name; one is made where none is given."),
            "document": Argument(document(), help="What the control says, as JSON."),
        },
        words=lambda given: f"Set inverter control {given['kind']}",
        question="Change how {identity} behaves on the grid?",
        prepare=der.prepare_set,
        after=der.settle_set,
    ),
    Spec(
        Order.READ_DER_CONTROL,
        "Read inverter controls",
        arguments=_DER,
        prepare=numbered,
        after=der.settle_read,
    ),
    Spec(
        Order.CLEAR_DER_CONTROL,
        "Clear inverter controls",
        arguments=_DER,
        question="Remove these controls from {identity}?",
        after=der.settle_clear,
    ),
)
