"""The typed forms of the orders: one per order, its fields named like the order's arguments.

The forms here are those of the orders that are given every day; `form_class`
adds what their tables of arguments hold beside that, and makes all the others.
"""

from functools import cache
from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import Field, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.core import UnboundField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.domain.commands import orders
from app.domain.commands.broadcasts import MOST_AT_ONCE
from app.domain.commands.orders.station import TRIGGERS
from app.domain.commands.orders.tags import PLUG_TYPES
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Order
from app.domain.limits import der_controls
from app.forms.ground.form import CheckboxListField, DeskForm
from app.schemas.typed import Argument, Shape


class OrderForm(DeskForm):
    """The base: several of these stand on one page, so each field's id begins with the order."""

    order: Order
    #: The names of the fields that are seldom wanted.
    seldom: tuple[str, ...] = ()

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)
        for name, field in self._fields.items():
            field.id = f"{self.order.value}-{name}"
            field.label.field_id = field.id

    def on_clock(self, zone: str) -> None:
        """Say beside each time on whose clock it is typed."""
        for field in self._fields.values():
            if (field.render_kw or {}).get("type") == PICKER:
                said = f"On the clock of {zone}."
                field.description = " ".join(filter(None, (field.description, said)))

    def offer(self, plugs: list[int], sessions: list[tuple[int, str]]) -> None:
        """Fill the choices with the station's plugs and its running sessions."""
        for name, field in self._fields.items():
            if name == "connector":
                first = _first(self.order)
                field.choices = [*first, *((str(n), f"Connector {n}") for n in plugs)]
            if name == "session_id":
                first = [] if self.order is Order.STOP_CHARGING else [("", "–")]
                field.choices = [*first, *((str(number), words) for number, words in sessions)]


def _plug(label: str = "Connector") -> SelectField:
    return SelectField(label, validate_choice=False, choices=[])


def _first(order: Order) -> list[tuple[str, str]]:
    """What a choice of connectors offers before the connectors themselves."""
    argument = orders.SPECS[order].arguments["connector"]
    found = [] if argument.required else [("", argument.nothing or "–")]
    # 0 where the whole station may be meant.
    whole = argument.looks.low == 0 and not argument.nothing
    return [*found, ("0", "The whole station")] if whole else found


class StartChargingForm(OrderForm):
    """Start charging as if this tag had been shown."""

    order = Order.START_CHARGING
    connector = _plug()
    token = StringField(
        _("Tag"),
        [InputRequired(_("Type or choose a tag.")), Length(max=255)],
        description=_("The session belongs to it, and its driver gets the receipt."),
        render_kw={"list": "tags", "autocomplete": "off", "autocapitalize": "characters"},
    )


class StopChargingForm(OrderForm):
    """Stop a running session."""

    order = Order.STOP_CHARGING
    session_id = SelectField(_("Session"), validate_choice=False, choices=[])


class ResetForm(OrderForm):
    """Restart the station."""

    order = Order.RESET
    kind = SelectField(
        _("How"),
        choices=[
            ("soft", "Soft: end sessions properly first"),
            ("hard", "Hard: at once, like switching it off and on"),
            ("resume", "Hard, and go on charging afterwards (OCPP 2.1)"),
        ],
    )


class UnlockForm(OrderForm):
    """Release a cable."""

    order = Order.UNLOCK
    connector = _plug()


class SetAvailabilityForm(OrderForm):
    """Take out of service, or put back."""

    order = Order.SET_AVAILABILITY
    connector = _plug("What")
    available = SelectField(_("Then"), choices=[("no", "Out of service"), ("yes", "In service")])


class ChangeSettingForm(OrderForm):
    order = Order.CHANGE_SETTING
    key = StringField(
        _("Setting"),
        [InputRequired(_("Name the setting.")), Length(max=50)],
        render_kw={"list": "settings", "autocomplete": "off", "autocapitalize": "off"},
    )
    value = StringField(
        _("Value"), [Optional(), Length(max=500)], render_kw={"autocomplete": "off"}
    )


class ReadSettingsForm(OrderForm):
    order = Order.READ_SETTINGS
    keys = StringField(
        _("Settings"),
        [Optional(), Length(max=4000)],
        description=_("Several with commas between; empty: all of them."),
        render_kw={"autocomplete": "off", "autocapitalize": "off"},
    )


class TriggerForm(OrderForm):
    """Ask for a message now."""

    order = Order.TRIGGER
    message = SelectField(
        _("Message"), choices=[(word, word.replace("_", " ")) for word in TRIGGERS]
    )
    connector = _plug()


class DataTransferForm(OrderForm):
    """Send something that only this vendor understands."""

    order = Order.DATA_TRANSFER
    vendor_id = StringField(_("Vendor"), [InputRequired(_("Name the vendor.")), Length(max=255)])
    message_id = StringField(_("Message"), [Optional(), Length(max=50)])
    data = TextAreaField(_("Data"), [Optional(), Length(max=8000)], render_kw={"rows": 3})


class RawForm(OrderForm):
    """Send a message as it is written here."""

    order = Order.RAW
    action = StringField(
        _("Action"),
        [InputRequired(_("Name the message.")), Length(max=60)],
        render_kw={"list": "actions", "autocomplete": "off", "autocapitalize": "off"},
    )
    payload = TextAreaField(
        _("Payload"),
        [InputRequired(_("Write a JSON object; {} is an empty one."))],
        default="{}",
        render_kw={"rows": 8, "class": "form-control code", "spellcheck": "false"},
    )
    check = SelectField(
        _("Schema"),
        choices=[
            ("yes", "Hold it against the version's schema first"),
            ("no", "Send it whatever the schema says"),
        ],
        description=_("What the schema forbids is not sent; the answer says why within a second."),
    )


_EVERY_DAY: dict[Order, type[OrderForm]] = {
    form.order: form
    for form in (
        StartChargingForm,
        StopChargingForm,
        UnlockForm,
        SetAvailabilityForm,
        ResetForm,
        TriggerForm,
        ReadSettingsForm,
        ChangeSettingForm,
        DataTransferForm,
        RawForm,
    )
}


#: What one order leaves to itself (the rest of a long reading) is for no form.
_OURS = frozenset({"then"})
#: So many fields that may be left out are shown at once; more are folded away.
_SHOWN = 4


@cache
def form_class(order: Order) -> type[OrderForm]:
    """The form of an order; what an everyday form leaves out, or few need, are seldom fields."""
    base = _EVERY_DAY.get(order, OrderForm)
    known = {name for name in dir(base) if isinstance(getattr(base, name), UnboundField)} | _OURS
    table = orders.SPECS[order].arguments
    missing = {name: field_for(name, table[name]) for name in table if name not in known}
    return type(f"{order.value}_form", (base,),
                {**missing, "order": order, "seldom": _seldom(order, list(missing))})  # fmt: skip


def _seldom(order: Order, names: list[str]) -> tuple[str, ...]:
    table = orders.SPECS[order].arguments
    optional = [name for name in names if not table[name].required]
    if order in _EVERY_DAY:
        return tuple(optional)
    wanted = [name for name in optional if name not in ("exact", "transaction_ref", "request_id")]
    return tuple(name for name in optional if name not in wanted[:_SHOWN])


# Form fields made from the tables of arguments, so that no order needs a form of its own.


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


# The form of a broadcast: how it is paced; the order's own fields come from its own form.


class PaceForm(DeskForm):
    """How many stations at a time, and when to stop."""

    at_once = IntegerField(
        _("At once"),
        [NumberRange(1, MOST_AT_ONCE)],
        default=10,
        description=_(
            "This many stations are asked at a time; each answer makes room for the next."
        ),
        render_kw={"inputmode": "numeric"},
    )
    stop_percent = IntegerField(
        _("Stop at failures, in percent"),
        [Optional(), NumberRange(0, 100)],
        default=30,
        description=_("When more than this share has failed, the rest is not asked. Empty: never."),
        render_kw={"inputmode": "numeric"},
    )
