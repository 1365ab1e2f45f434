"""Forms of the staff pages."""

from flask_babel import lazy_gettext as _
from wtforms import (
    EmailField,
    SelectField,
    StringField,
)
from wtforms.validators import InputRequired, Length, Optional

from app.domain.ground.vocabulary import Role
from app.forms.ground.form import CheckboxListField, DeskForm, ticked_id

BUILT_IN = [
    (Role.ADMIN.value, "Admin: everything, staff and money included"),
    (Role.OPERATOR.value, "Operator: runs stations, tags, drivers and bills"),
    (Role.VIEWER.value, "Viewer: sees everything, changes nothing"),
]


def _zone_field() -> StringField:
    return StringField(
        _("Time zone"),
        [Optional(), Length(max=64)],
        description=_("For times on screen. Empty: the zone of the site, or UTC."),
        render_kw={"list": "zones", "placeholder": "Europe/Berlin", "autocomplete": "off"},
    )


class StaffForm(DeskForm):
    """A member of staff."""

    name = StringField(_("Name"), [InputRequired(_("Type a name.")), Length(max=120)])
    email = EmailField(_("E-mail"), [InputRequired(_("Type an e-mail address.")), Length(max=254)])
    role = SelectField(_("Role"), choices=BUILT_IN, default=Role.VIEWER.value)
    sites = CheckboxListField(
        _("Sites"), coerce=ticked_id, description=_("None ticked: all sites, later ones too.")
    )
    timezone = _zone_field()
    language = SelectField(
        _("Language of mails"), choices=[("en", "English"), ("de", "Deutsch")], default="en"
    )


class ProfileForm(DeskForm):
    """What people choose for themselves."""

    name = StringField(
        _("Name"),
        [InputRequired(_("Type a name.")), Length(max=120)],
        render_kw={"autocomplete": "name"},
    )
    language = SelectField(_("Language"), choices=[("en", "English"), ("de", "Deutsch")])
    timezone = _zone_field()
    formats = SelectField(
        _("Numbers and days"),
        choices=[("", _("As the language writes them")), ("iso", _("ISO: 2026-03-02, 1.5"))],
    )
    theme = SelectField(
        _("Light or dark"),
        choices=[("system", _("As the system")), ("light", _("Light")), ("dark", _("Dark"))],
    )
