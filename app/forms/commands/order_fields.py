"""Form fields made from the tables of arguments, so that no order needs a form of its own."""

from typing import Any

from wtforms import Field, SelectField, StringField, TextAreaField

from app.domain.commands.orders.tags import PLUG_TYPES
from app.domain.ground.texts import N_
from app.domain.limits import der_controls
from app.forms.ground.form import CheckboxListField
from app.schemas.typed import Argument, Shape

#: Texts longer than this get several lines.
_ONE_LINE = 300
_PLAIN: dict[str, Any] = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
_JSON = {**_PLAIN, "rows": 6, "class": "form-control code"}
#: The input with which a time on the site's clock is picked.
PICKER = "datetime-local"
#: What is known by another name than that of its value.
_CALLED = {**PLUG_TYPES, **{kind: said for kind, (said, _) in der_controls.KINDS.items()}}
_NUMERIC = {**_PLAIN, "inputmode": "decimal"}


def field_for(name: str, argument: Argument) -> Field:
    """The field of an argument: a choice, several of a list, a text, some lines, or JSON."""
    look = argument.looks
    label = argument.called(name)
    if name == "connector" or name == "session_id":
        return SelectField(label, validate_choice=False, choices=[], description=argument.help)
    if look.item and look.item.choices:
        choices = words_of(look.item)
        return CheckboxListField(label, choices=choices, description=argument.help)
    if choices := _choices(look, argument.required):
        return SelectField(label, validate_choice=False, choices=choices, description=argument.help)
    description = " ".join(filter(None, (argument.help, _hint(look))))
    kind = TextAreaField if _is_long(look) else StringField
    return kind(label, description=description, render_kw=_look_of(look))


def _choices(look: Shape, required: bool) -> list[tuple[str, str]]:
    if look.kind == "switch":
        found = [("no", N_("No")), ("yes", N_("Yes"))]
        found = found if required else found[::-1]
    else:
        found = words_of(look)
    return found if required or not found else [("", "–"), *found]


def words_of(look: Shape) -> list[tuple[str, str]]:
    """What a value is chosen among, each with what people call it."""
    return [(word, _CALLED.get(word) or word.replace("_", " ")) for word in look.choices]


def _hint(look: Shape) -> str:
    if look.kind == "list":
        return "Several with commas between."
    if (
        look.kind in ("whole", "number")
        and look.low is not None
        and abs(int(look.high or 0)) < 10**7
    ):
        return f"From {look.low} to {look.high}."
    return {"object": "A JSON object.", "objects": "A JSON list of objects."}.get(look.kind, "")


def _is_long(look: Shape) -> bool:
    return look.kind in ("object", "objects", "json") or (look.limit or 0) > _ONE_LINE


def _look_of(look: Shape) -> dict[str, Any]:
    if look.kind in ("object", "objects", "json"):
        return dict(_JSON)
    if look.kind in ("whole", "number"):
        return dict(_NUMERIC)
    if look.kind == "instant":
        return {**_PLAIN, "type": PICKER}
    return {**_PLAIN, "rows": 3} if _is_long(look) else dict(_PLAIN)
