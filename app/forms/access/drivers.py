"""The form of a driver."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import EmailField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from app.domain.access.drivers import LANGUAGES
from app.forms.ground.refusals import fits
from app.forms.office.staff import CheckboxListField
from app.schemas.access import NewDriver


class DriverForm(FlaskForm):  # type: ignore[misc]
    """A person who charges."""

    name = StringField(
        _("Name"),
        [InputRequired(_("Type a name.")), fits(NewDriver, "name")],
        render_kw={"autocomplete": "off"},
    )
    email = EmailField(
        _("E-mail"),
        [fits(NewDriver, "email")],
        description=_("Receipts go here. Empty: bills are made, but no receipt is sent."),
        render_kw={"autocomplete": "off"},
    )
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
    note = TextAreaField(_("Note"), [fits(NewDriver, "note")], render_kw={"rows": 3})
