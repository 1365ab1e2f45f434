"""The editor of a tariff: its settings and a row per component, without JavaScript.

The form holds text as typed; `definition` makes the document that
`app.domain.money.tariffs` reads strictly, and `point_out` brings its refusal back to
the field.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    DecimalField,
    FieldList,
    FormField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.domain.ground.errors import DomainError
from app.domain.money.tariffs.document import WEEKDAYS
from app.forms.ground import refusals
from app.forms.ground.form import CheckboxListField, DeskForm, DeskRow, chosen_id

KINDS = [
    ("energy", "Energy, per kWh"),
    ("start", "Start fee, per session"),
    ("charging_time", "Charging time, per minute"),
    ("connected_time", "Connected time, per minute"),
    ("idle", "Idle time, per minute"),
    ("no_show", "Unused reservation"),
    ("no_show_time", "Unused reservation, per minute"),
]
DAYS = list(zip(WEEKDAYS, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))
MOST_ROWS = 60

#: Fields of a row and where their values stand in the definition of a component.
TEXTS = {"price": "price", "name": "name", "tax_percent": "tax_percent"}
WHOLES = {"grace_minutes": "grace_minutes", "step": "step"}
WHEN_TEXTS = {
    "starts": "from",
    "until": "until",
    "date_from": "date_from",
    "date_to": "date_to",
    "energy_from_kwh": "energy_from_kwh",
    "energy_to_kwh": "energy_to_kwh",
}
WHEN_WHOLES = {"duration_from_min": "duration_from_min", "duration_to_min": "duration_to_min"}


def _text(label: str, kind: str = "text", help_text: str = "", **more: object) -> StringField:
    looks = {"type": kind, "autocomplete": "off", **more}
    return StringField(label, [Length(max=60)], description=help_text, render_kw=looks)


def _number(label: str, help_text: str = "", mode: str = "decimal") -> StringField:
    return _text(label, help_text=help_text, inputmode=mode)


class ComponentForm(DeskRow):
    """One price of the tariff."""

    kind = SelectField(_("What for"), choices=KINDS)
    price = _number("Price")
    name = _text("Name on the receipt")
    starts = _text("From (time)", "time")
    until = _text("Until (time)", "time", "Before “from”: over midnight.")
    weekdays = CheckboxListField(_("Weekdays"), choices=DAYS)
    date_from = _text("First day", "date")
    date_to = _text("Last day", "date")
    energy_from_kwh = _number("From kWh")
    energy_to_kwh = _number("To kWh")
    duration_from_min = _number("From minute", mode="numeric")
    duration_to_min = _number("To minute", mode="numeric")
    grace_minutes = _number("Free idle minutes", "Idle time only.", mode="numeric")
    step = _number("Step", "In Wh or seconds; started steps count, once a session.", mode="numeric")
    tax_percent = _number("Own tax rate (%)", "Empty: the tariff's.")

    @property
    def restricted(self) -> bool:
        """Whether anything but kind, price and name is set or refused."""
        plain = {"kind", "price", "name"}
        return any((f.data or f.errors) for f in self if f.short_name not in plain)


class TariffForm(DeskForm):
    """A tariff; `opened` is when that of an edited one was (`app/views/ground/_opened.py`)."""

    opened: int | None = None
    name = StringField(_("Name"), [InputRequired(_("Type a name.")), Length(max=120)])
    currency = StringField(
        _("Currency"),
        [InputRequired(_("Type a currency.")), Length(max=3, message=_("A code such as EUR."))],
        render_kw={"autocomplete": "off", "maxlength": 3, "placeholder": "EUR"},
    )
    tax_mode = RadioField(
        _("Prices"), choices=[("inclusive", "include tax"), ("exclusive", "tax on top")]
    )
    tax_percent = _number("Tax rate (%)")
    minimum = _number("Minimum", "The least a session with energy costs.")
    maximum = _number("Maximum", "The most a session costs.")
    free_minutes = _number(
        "Free minutes", "From the start; free of time charges, not of energy.", "numeric"
    )
    default = BooleanField(_("The default: it prices what has no nearer tariff"))
    components = FieldList(FormField(ComponentForm), max_entries=MOST_ROWS)
    note = StringField(
        _("Why this change"),
        [Length(max=300)],
        description=_("For the list of versions."),
        render_kw={"autocomplete": "off"},
    )
    valid_from = _text(
        "Holds from", "datetime-local", "On each site's clock. Empty: at once, for new sessions."
    )
    valid_until = _text("Holds until", "datetime-local", "Empty: until another version holds.")

    @classmethod
    def of(cls, name: str, definition: dict[str, Any], default: bool = False) -> "TariffForm":
        """The form that shows a stored definition."""
        tax = definition.get("tax", {})
        return cls(
            formdata=None,
            data={
                "name": name,
                "default": default,
                "currency": definition.get("currency", ""),
                "tax_mode": tax.get("mode", "inclusive"),
                "tax_percent": tax.get("percent", "0"),
                "minimum": definition.get("minimum"),
                "maximum": definition.get("maximum"),
                "free_minutes": definition.get("free_minutes") or "",
                "components": [_row(each) for each in definition.get("components", [])],
            },
        )

    def definition(self) -> dict[str, Any]:
        """The document that the form describes, unchecked."""
        return {
            "schema": 1,
            "currency": (self.currency.data or "").strip().upper() or None,
            "tax": {
                "mode": self.tax_mode.data or "inclusive",
                "percent": _decimal(self.tax_percent.data) or "0",
            },
            "minimum": _decimal(self.minimum.data),
            "maximum": _decimal(self.maximum.data),
            "free_minutes": _whole(self.free_minutes.data) or 0,
            "components": [_component(entry.form) for entry in self.components],
        }

    def rearranged(self, action: str) -> "TariffForm":
        """The same form after `add`, `remove:2`, `up:2` or `down:2` (rows count from 0)."""
        rows = [dict(entry.data) for entry in self.components]
        verb, _, place = action.partition(":")
        index = int(place) if place.isascii() and place.isdigit() else len(rows)
        if verb == "add" and len(rows) < MOST_ROWS:
            rows.append({"kind": "energy"})
        elif verb == "remove" and index < len(rows):
            del rows[index]
        elif verb in ("up", "down"):
            other = index - 1 if verb == "up" else index + 1
            if 0 <= other < len(rows) and index < len(rows):
                rows[index], rows[other] = rows[other], rows[index]
        data = {field.short_name: field.data for field in self if field.short_name != "components"}
        return type(self)(formdata=None, data={**data, "components": rows})

    def point_out(self, error: DomainError) -> None:
        """Show a refusal at the field it names, in the component's row if it is about one."""
        parts = (error.field or "").split(".")
        if parts[0] != "components" or len(parts) < 2 or not parts[1].isdigit():
            known = {"tax.mode": "tax_mode", "tax.percent": "tax_percent"}
            error.field = known.get(error.field or "", error.field)
            refusals.show(self, error)
            return
        row = self.components.entries[int(parts[1])].form
        name = {"from": "starts"}.get(parts[-1], parts[-1])
        field = row._fields.get(name)
        if field is None:
            self.form_errors.append(error.sentence)
        else:
            field.errors = [*field.errors, error.sentence]


def _row(component: dict[str, Any]) -> dict[str, Any]:
    when = component.get("when", {})
    row: dict[str, Any] = {"kind": component["kind"], "weekdays": when.get("weekdays", [])}
    for fields, values in ((TEXTS, component), (WHOLES, component), (WHEN_TEXTS, when)):
        row.update(_known(fields, values))
    row.update(_known(WHEN_WHOLES, when))
    if row.get("until") == "24:00":
        row["until"] = "00:00"
    return row


def _known(fields: dict[str, str], values: dict[str, Any]) -> Iterable[tuple[str, str]]:
    return [(field, str(values[key])) for field, key in fields.items() if key in values]


def _component(row: ComponentForm) -> dict[str, Any]:
    when: dict[str, Any] = {}
    found: dict[str, Any] = {"kind": row.kind.data, "when": when}
    for fields, target in ((TEXTS, found), (WHEN_TEXTS, when)):
        for field, key in fields.items():
            target[key] = (
                _decimal(row[field].data) if field not in _AS_TYPED else _typed(row, field)
            )
    for fields, target in ((WHOLES, found), (WHEN_WHOLES, when)):
        for field, key in fields.items():
            target[key] = _whole(row[field].data)
    when["weekdays"] = row.weekdays.data or None
    return found


_AS_TYPED = {"name", "starts", "until", "date_from", "date_to"}


def _typed(row: ComponentForm, field: str) -> str | None:
    return (row[field].data or "").strip() or None


def _decimal(text: str | None) -> str | None:
    """A number as typed, also with a decimal comma; None if empty."""
    return (text or "").strip().replace(",", ".") or None


def _whole(text: str | int | None) -> int | str | None:
    """A whole number where it is one; other text is left for the tariff to refuse."""
    typed = str(text if text is not None else "").strip()
    if typed.isascii() and typed.isdigit() and len(typed) < 10:
        return int(typed)
    return typed or None


# The forms about money: decide a review, correct a bill, send a receipt again.


_REASON = [InputRequired(_("Say why, so that others can understand it.")), Length(max=300)]
_KWH = [Optional(), NumberRange(0, 2000, "The energy must be between 0 and 2000 kWh.")]


def in_wh(kwh: Decimal | None) -> Decimal | None:
    """Kilowatt-hours as typed, in Wh."""
    return None if kwh is None else kwh * 1000


class KwhField(DecimalField):  # type: ignore[misc]
    """Kilowatt-hours, with a point or a comma."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed."""
        super().process_formdata([text.strip().replace(",", ".") for text in valuelist])


def _reason(description: str = "") -> StringField:
    looks = {"autocomplete": "off"}
    return StringField(_("Reason"), _REASON, description=description, render_kw=looks)


def _kwh(label: str, description: str) -> KwhField:
    looks = {"inputmode": "decimal", "autocomplete": "off"}
    return KwhField(label, _KWH, places=None, description=description, render_kw=looks)


class DecisionForm(DeskForm):
    """What a person decides about a held session; the button says which of the three."""

    energy_kwh = _kwh(
        "Energy to bill instead (kWh)", "Only for a correction; three decimals at most."
    )
    tariff = SelectField(
        _("Price it with"),
        coerce=chosen_id,
        validate_choice=False,
        description=_("No tariff applied when the session began: this one prices it now."),
    )
    note = _reason("Kept with the decision.")


class CorrectForm(DeskForm):
    """What a bill is replaced by; without an energy, by what the readings say now."""

    energy_kwh = _kwh("Right energy (kWh)", "Leave it empty to count the readings again.")
    reason = _reason("The driver reads it.")


class RefundForm(DeskForm):
    """Why a bill is taken back whole."""

    reason = _reason("The driver reads it.")


class ResendForm(DeskForm):
    """Where a receipt is sent again; empty: to the driver's address."""

    email = StringField(_("To another address"), [Optional(), Length(max=254)])


class DismissForm(DeskForm):
    """Why a stop that matches no session needs nothing more."""

    note = _reason()


class AssignForm(DeskForm):
    """Which session a stop ended that matched none."""

    session_id = IntegerField(_("Session"), [InputRequired(), NumberRange(1, 2**63 - 1)])
    note = _reason()
