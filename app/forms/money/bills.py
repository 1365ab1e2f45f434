"""The forms about money: decide a review, correct a bill, send a receipt again."""

from decimal import Decimal

from flask_babel import lazy_gettext as _
from wtforms import DecimalField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.forms.ground.form import DeskForm, chosen_id

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
