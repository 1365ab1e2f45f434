"""Which area each address lies in, and so which right opens it.

An address lies in the room of its module.  What differs stands here: modules of a room that only
few should change, and single addresses that do something of another room.  Nobody needs a right
for what is their own.
"""

from collections.abc import Mapping

from flask import Flask, current_app

from app.domain.ground.vocabulary import Area

#: Modules of an area of their own, on every floor.
MODULES = {
    "access.driver_rights": Area.PRIVACY,
    "money.tariffs": Area.TARIFFS,
    "office.audit": Area.AUDIT,
    "office.machines": Area.STAFF,
    "office.mail": Area.ORGANISATION,
    "office.organisation": Area.ORGANISATION,
    "office.report_schedule": Area.ORGANISATION,
    "office.report_schedules": Area.ORGANISATION,
    "office.roles": Area.STAFF,
    "office.staff": Area.STAFF,
    "office.webhooks": Area.ORGANISATION,
}
#: Addresses of another area than their module's.
ADDRESSES = {
    "about.test_mail": Area.ORGANISATION,
    "about.try_mail_again": Area.ORGANISATION,
    "api_assigned.reservation": Area.ACCESS,
    "api_assigned.reservations": Area.ACCESS,
    "api_assigned.composite_schedules": Area.LIMITS,
    "api_assigned.setpoint": Area.LIMITS,
    "api_assigned.setpoints": Area.LIMITS,
    "api_assigned.station_profiles": Area.LIMITS,
    "api_device.certificates": Area.TRUST,
    "api_device.customer_reports": Area.PRIVACY,
    "api_device.erase": Area.PRIVACY,
    "api_device.der_controls": Area.LIMITS,
    "api_device.ev_needs": Area.LIMITS,
    "api_device.local_list": Area.ACCESS,
    "api_device.settlements": Area.MONEY,
    "api_device.tariffs": Area.TARIFFS,
    "api_drivers.forget": Area.PRIVACY,
    "api_drivers.personal_data": Area.PRIVACY,
    "api_drivers.personal_file": Area.PRIVACY,
    "api_history.transaction_events": Area.CHARGING,
    "api_oversight.audit": Area.AUDIT,
    "api_oversight.settings": Area.ORGANISATION,
    "api_sessions.bill": Area.MONEY,
    "api_sessions.bulk": Area.MONEY,
    "api_tariffs.bench": Area.MONEY,
    "field.order": Area.COMMANDS,
    "files.erase": Area.PRIVACY,
    "sessions.bill": Area.MONEY,
    "sessions.bulk_change": Area.MONEY,
    "settings.index": Area.ORGANISATION,
    "settings.kept": Area.ORGANISATION,
    "stations.command": Area.COMMANDS,
    "stations.commands": Area.COMMANDS,
    "stations.sure": Area.COMMANDS,
}
#: What everybody has who is signed in; what these show is narrowed to what one may read.
OWN = frozenset(
    {"live", "system.bar", "search.index", "pick.options", "api_token.show"}
    | {"api_oversight.search", "api_events.stream", "api_jobs.import", "api_jobs.export"}
    | {f"{noun}.{page}" for noun in ("jobs", "api_jobs") for page in ("show", "file", "cancel")}
    | {"jobs.index", "api_jobs.list"}
)
OWN_PATHS = ("/account", "/lists")
#: Who may not see Home begins at the first of these that they may see.
FRONT = "home.index"
PAGES = (
    *("stations", "sessions", "bills", "tags", "tariffs", "commands", "profiles", "firmware"),
    *("certificates", "alerts", "staff", "audit", "organisation"),
)


def found(app: Flask, homes: Mapping[str, str]) -> dict[str, Area | None]:
    """Find out the area of every address; `homes` says in which module each blueprint stands."""
    rooms = {name: _of_module(module) for name, module in homes.items()}
    areas: dict[str, Area | None] = {}
    for rule in app.url_map.iter_rules():
        endpoint = rule.endpoint
        own = endpoint in OWN or rule.rule.startswith(OWN_PATHS)
        area = ADDRESSES.get(endpoint) or rooms.get(endpoint.partition(".")[0])
        areas[endpoint] = None if own else area
    return areas


def of(endpoint: str | None) -> Area | None:
    """The area of an address; None for what everybody has who is signed in."""
    areas: dict[str, Area | None] = current_app.areas  # type: ignore[attr-defined]
    return areas.get(endpoint or "")


def tidied(endpoint: str) -> Area | None:
    """The area whose writers may delete what others share of a list.

    That is for few: the list's own area, where operators do not change it, else the organisation.
    """
    area = of(endpoint)
    return area if area is None or area in _OF_FEW else Area.ORGANISATION


def _of_module(name: str) -> Area:
    _, _floor, room, *rest = name.split(".")
    return MODULES.get(f"{room}.{rest[0]}" if rest else room) or _room(room)


def _room(room: str) -> Area:
    return Area(room) if room in list(Area) else Area.OFFICE


#: Areas that operators do not change.
_OF_FEW = frozenset(
    {Area.TARIFFS, Area.TRUST, Area.PRIVACY, Area.STAFF, Area.AUDIT, Area.ORGANISATION}
)
