"""The raw order: an action of the protocol with its payload, sent as it is given."""

from typing import Any

from app.domain.commands.orders.reading import Argument, document, optional, shape_of, text, yes
from app.domain.commands.orders.settings import SECRET_SETTINGS
from app.domain.commands.orders.shapes import Shaped
from app.domain.commands.orders.spec import Spec
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Order

_DOCUMENT = document()


def _payload(name: str, value: Any) -> dict[str, Any]:
    """Any message but one that sets the station's password: we would not know it afterwards."""
    payload: dict[str, Any] = _DOCUMENT(name, value)
    if _sets_password(payload):
        raise Invalid(
            "This sets the station's password, which Ampdesk would not know then: "
            "order change_password instead.",
            field=name,
        )
    return payload


def _sets_password(value: Any) -> bool:
    """Whether a setting and its value stand together somewhere, as every version writes them."""
    if isinstance(value, list):
        return any(_sets_password(item) for item in value)
    if not isinstance(value, dict):
        return False
    variable = value.get("variable")
    named = variable.get("name") if isinstance(variable, dict) else value.get("key")
    secret = str(named or "").strip().casefold() in SECRET_SETTINGS
    if secret and ("value" in value or "attributeValue" in value):
        return True
    return any(_sets_password(item) for item in value.values())


SPECS = (
    Spec(
        Order.RAW,
        "Raw message",
        arguments={
            "action": Argument(text(60)),
            "payload": Argument(Shaped(_payload, shape_of(_DOCUMENT))),
            # False sends it even where the version's schema forbids it (for test drivers).
            "check": optional(yes),
        },
        words=lambda given: f"Raw {given['action']}",
        question="Send this to {identity} as it is written?",
    ),
)
