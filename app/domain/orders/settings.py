"""Orders about a station's settings and its device model."""

from collections.abc import Mapping
from typing import Any

from app.domain.errors import Invalid
from app.domain.orders.reading import Argument, Describe, several, text
from app.domain.vocabulary import Order

#: Settings that hold a secret: changed with the station's password, never here.
SECRET_SETTINGS = frozenset({"authorizationkey", "basicauthpassword"})


def _key(name: str, value: Any) -> str:
    key: str = text(50)(name, value)
    if key.casefold() in SECRET_SETTINGS:
        raise Invalid(
            f"{key} is the station's password: give it a new one on its Setup page.", field=name
        )
    return key


def _value(name: str, value: Any) -> str:
    found = str(value)
    if len(found) > 500 or not all(char.isprintable() for char in found):
        raise Invalid("The value has at most 500 printable characters.", field=name)
    return found


ARGUMENTS: dict[Order, dict[str, Argument]] = {
    Order.CHANGE_SETTING: {"key": Argument(_key), "value": Argument(_value, blank=True)},
    Order.READ_SETTINGS: {"keys": Argument(several(text(50), 200), required=False)},
}

LABELS: dict[Order, str] = {
    Order.CHANGE_SETTING: "Change a setting",
    Order.READ_SETTINGS: "Read settings",
}


def _change(given: Mapping[str, Any]) -> str:
    value = "•••" if "password" in given["key"].casefold() else given["value"]
    return f"Set {given['key']} to {value or 'nothing'}"


def _read(given: Mapping[str, Any]) -> str:
    return f"Read {', '.join(given['keys'])}" if given.get("keys") else "Read all settings"


DESCRIBE: Describe = {Order.CHANGE_SETTING: _change, Order.READ_SETTINGS: _read}
