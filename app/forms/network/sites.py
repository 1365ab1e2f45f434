"""The form of a site."""

from zoneinfo import available_timezones

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import DecimalField, FloatField, SelectField, StringField
from wtforms.validators import InputRequired, Optional

from app.forms.ground.refusals import fits
from app.schemas.network import NewSite


def or_none(value: str) -> int | None:
    """Read a choice that may be none."""
    return int(value) if value and str(value).isdigit() else None


class SiteForm(FlaskForm):  # type: ignore[misc]
    """A place where stations stand."""

    name = StringField(
        _("Name"), [InputRequired(_("Give the site a name.")), fits(NewSite, "name")]
    )
    timezone = StringField(
        _("Time zone"),
        [InputRequired(_("Name the time zone, like Europe/Berlin."))],
        description=_("Tariffs follow the wall clock of the site."),
        render_kw={"list": "zones", "placeholder": "Europe/Berlin", "autocomplete": "off"},
    )
    currency = StringField(
        _("Currency"),
        [InputRequired(_("Name the currency, like EUR.")), fits(NewSite, "currency")],
        description=_("What drivers pay in here, as in ISO 4217."),
        render_kw={"placeholder": "EUR", "autocapitalize": "characters", "maxlength": 3},
    )
    address = StringField(_("Address"), [Optional(), fits(NewSite, "address")])
    latitude = FloatField(_("Latitude"), [Optional()], render_kw={"inputmode": "decimal"})
    longitude = FloatField(_("Longitude"), [Optional()], render_kw={"inputmode": "decimal"})
    supply_limit_kw = DecimalField(
        _("Supply limit (kW)"),
        [Optional()],
        places=None,
        description=_("Power of the grid connection."),
        render_kw={"inputmode": "decimal"},
    )
    tariff_id = SelectField(
        _("Tariff"),
        coerce=or_none,
        validate_choice=False,
        description=_("For stations here that have none of their own."),
    )
    seller_name = StringField(_("Seller"), [Optional(), fits(NewSite, "seller_name")])
    seller_address = StringField(
        _("Address of the seller"), [Optional(), fits(NewSite, "seller_address")]
    )
    seller_tax_number = StringField(
        _("Tax number"), [Optional(), fits(NewSite, "seller_tax_number")]
    )
    seller_contact = StringField(_("Contact"), [Optional(), fits(NewSite, "seller_contact")])

    @property
    def zones(self) -> list[str]:
        """What the time zone field offers."""
        return sorted(available_timezones())

    def details(self) -> dict[str, object]:
        """What was typed, as `app.domain.network.sites` takes it."""
        return {
            "name": self.name.data,
            "timezone": self.timezone.data,
            "currency": self.currency.data,
            "address": self.address.data,
            "latitude": self.latitude.data,
            "longitude": self.longitude.data,
            "supply_limit_kw": self.supply_limit_kw.data,
            "tariff_id": self.tariff_id.data,
            "seller_name": self.seller_name.data,
            "seller_address": self.seller_address.data,
            "seller_tax_number": self.seller_tax_number.data,
            "seller_contact": self.seller_contact.data,
        }
