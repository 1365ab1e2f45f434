"""The form of a driver."""

from flask_babel import lazy_gettext as _
from wtforms import SelectField

from app.domain.access.drivers import LANGUAGES
from app.forms.ground.plain import PlainForm
from app.forms.office.staff import CheckboxListField
from app.schemas.access import NewDriver


class DriverForm(PlainForm):
    """A person who charges."""

    schema = NewDriver
    language = SelectField(_("Language of receipts"), choices=list(LANGUAGES.items()))
    tariff = SelectField(
        _("Tariff"),
        default="",
        description=_("Goes before the tariffs of the group, the station and the site."),
    )
    sites = CheckboxListField(
        _("Belongs to"),
        coerce=int,
        description=_(
            "Staff of the ticked sites may change this. None ticked: staff of all sites."
        ),
    )
