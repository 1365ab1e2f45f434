"""The form of a site."""

from zoneinfo import available_timezones

from flask_babel import lazy_gettext as _
from wtforms import SelectField

from app.forms.ground.plain import PlainForm
from app.schemas.network import NewSite


def or_none(value: str) -> int | None:
    """Read a choice that may be none."""
    return int(value) if value and str(value).isdigit() else None


class SiteForm(PlainForm):
    """A place where stations stand."""

    schema = NewSite
    tariff_id = SelectField(
        _("Tariff"),
        coerce=or_none,
        validate_choice=False,
        description=_("For stations here that have none of their own."),
    )

    @property
    def zones(self) -> list[str]:
        """What the time zone field offers."""
        return sorted(available_timezones())
