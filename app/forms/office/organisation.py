"""The form of the organisation: who sells, and by which rules bills are made."""

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange

from app.domain.ground.vocabulary import SecondFactorRule
from app.forms.ground.form import DeskForm

_WHOLE = {"inputmode": "numeric"}


def _rule(label: str, most: int, description: str) -> IntegerField:
    return IntegerField(
        label,
        [InputRequired(_("Type a number; 0 for none.")), NumberRange(0, most)],
        description=description,
        render_kw=_WHOLE,
    )


class OrganisationForm(DeskForm):
    """What receipts say of the seller, and the rules of billing."""

    seller_name = StringField(
        _("Name"), [Length(max=120)], render_kw={"autocomplete": "organization"}
    )
    seller_address = StringField(
        _("Address"), [Length(max=300)], description=_("In one line, with postcode and town.")
    )
    seller_tax_number = StringField(_("Tax number"), [Length(max=40)])
    seller_contact = StringField(
        _("Contact"),
        [Length(max=254)],
        description=_("Where drivers ask about a bill: an e-mail address, a web page or a number."),
    )
    least_energy_wh = _rule(
        "Least energy (Wh)", 100_000, "Below this and the least time, a session costs nothing."
    )
    least_duration_s = _rule("Least time (s)", 86_400, "A session below both is a failed start.")
    late_below_minor = _rule(
        "Late difference (cents)",
        1_000_000,
        "A smaller change after the bill is noted, not billed.",
    )
    idle_from_readings = BooleanField(
        _("Bill idle time that only the meter shows"),
        description=_("Otherwise it is noted on the session and costs nothing."),
    )
    second_factor = SelectField(
        _("Who needs a second factor"),
        choices=[
            (SecondFactorRule.NOBODY.value, _("Nobody: whoever wants one sets it up")),
            (SecondFactorRule.ADMINS.value, _("Admins")),
            (SecondFactorRule.EVERYBODY.value, _("Everybody")),
        ],
        description=_("Anyone without one has to set it up before doing anything else."),
    )
