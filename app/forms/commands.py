"""The typed forms of the orders: one per order, its fields named like the order's arguments."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from app.domain import orders
from app.domain.vocabulary import Order


class OrderForm(FlaskForm):  # type: ignore[misc]
    """The base: several of these stand on one page, so each field's id begins with the order."""

    order: Order

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for name, field in self._fields.items():
            field.id = f"{self.order.value}-{name}"
            field.label.field_id = field.id

    def offer(self, plugs: list[int], sessions: list[tuple[int, str]]) -> None:
        """Fill the choices with the station's plugs and its running sessions."""
        for name, field in self._fields.items():
            if name == "connector":
                first = _FIRST[self.order]
                field.choices = [*first, *((str(n), f"Connector {n}") for n in plugs)]
            if name == "session_id":
                field.choices = [(str(number), words) for number, words in sessions]


def _plug(label: str = "Connector") -> SelectField:
    return SelectField(label, validate_choice=False, choices=[])


#: What a choice of connectors offers before the connectors themselves.
_FIRST: dict[Order, list[tuple[str, str]]] = {
    Order.START_CHARGING: [("", "Any")],
    Order.UNLOCK: [],
    Order.SET_AVAILABILITY: [("0", "The whole station")],
    Order.TRIGGER: [("", "All")],
}


class StartChargingForm(OrderForm):
    """Start charging as if this tag had been shown."""

    order = Order.START_CHARGING
    connector = _plug()
    token = StringField(
        "Tag",
        [InputRequired("Type or choose a tag."), Length(max=255)],
        description="The session belongs to it, and its driver gets the receipt.",
        render_kw={"list": "tags", "autocomplete": "off", "autocapitalize": "characters"},
    )


class StopChargingForm(OrderForm):
    """Stop a running session."""

    order = Order.STOP_CHARGING
    session_id = SelectField("Session", validate_choice=False, choices=[])


class ResetForm(OrderForm):
    """Restart the station."""

    order = Order.RESET
    kind = SelectField(
        "How",
        choices=[
            ("soft", "Soft: end sessions properly first"),
            ("hard", "Hard: at once, like switching it off and on"),
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
    available = SelectField("Then", choices=[("no", "Out of service"), ("yes", "In service")])


class ChangeSettingForm(OrderForm):
    """Change a setting."""

    order = Order.CHANGE_SETTING
    key = StringField(
        "Setting",
        [InputRequired("Name the setting."), Length(max=50)],
        render_kw={"list": "settings", "autocomplete": "off", "autocapitalize": "off"},
    )
    value = StringField("Value", [Optional(), Length(max=500)], render_kw={"autocomplete": "off"})


class ReadSettingsForm(OrderForm):
    """Read settings."""

    order = Order.READ_SETTINGS
    keys = StringField(
        "Settings",
        [Optional(), Length(max=4000)],
        description="Several with commas between; empty: all of them.",
        render_kw={"autocomplete": "off", "autocapitalize": "off"},
    )


class ClearCacheForm(OrderForm):
    """Let the station forget the tags it remembers."""

    order = Order.CLEAR_CACHE


class TriggerForm(OrderForm):
    """Ask for a message now."""

    order = Order.TRIGGER
    message = SelectField(
        "Message", choices=[(word, word.replace("_", " ")) for word in orders.TRIGGERS]
    )
    connector = _plug()


class DataTransferForm(OrderForm):
    """Send something that only this vendor understands."""

    order = Order.DATA_TRANSFER
    vendor_id = StringField("Vendor", [InputRequired("Name the vendor."), Length(max=255)])
    message_id = StringField("Message", [Optional(), Length(max=50)])
    data = TextAreaField("Data", [Optional(), Length(max=8000)], render_kw={"rows": 3})


FORMS: dict[Order, type[OrderForm]] = {
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
        ClearCacheForm,
        DataTransferForm,
    )
}
