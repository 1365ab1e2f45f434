"""Forms of tags, their groups and their import."""

from flask_babel import lazy_gettext as _
from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.domain.access.tags import MOST_CONCURRENT
from app.forms.ground.plain import PlainForm
from app.forms.office.staff import CheckboxListField
from app.schemas.access import NewTag, NewTagGroup


class TagFactsForm(PlainForm):
    """What is typed about a tag besides its value."""

    schema = NewTag
    driver = StringField(
        _("Driver"),
        [Length(max=300)],
        description=_("Name or e-mail address. Receipts go to this person."),
        render_kw={"list": "drivers", "autocomplete": "off"},
    )
    group = SelectField(_("Group"), default="")
    expires_at = StringField(
        _("Expires"),
        [Optional()],
        description=_("Taps are refused from then on. Empty: never."),
        render_kw={"type": "datetime-local"},
    )
    concurrent_limit = IntegerField(
        _("Sessions at once"),
        [
            Optional(),
            NumberRange(1, MOST_CONCURRENT, f"Type a number from 1 to {MOST_CONCURRENT}."),
        ],
        description=_("Empty: no limit."),
        render_kw={"type": "number", "min": 1, "max": MOST_CONCURRENT, "inputmode": "numeric"},
    )
    sites = CheckboxListField(_("Sites"), coerce=int)
    stations = CheckboxListField(_("Single stations"), coerce=int)


class NewTagForm(TagFactsForm):
    """A tag that is put on the list."""

    value = StringField(
        _("Tag"),
        [
            InputRequired(
                _("Type the number of the card, or tap it at a station and add it from there.")
            )
        ],
        description=_("As printed or as the station reads it; upper and lower case are the same."),
        render_kw={"autocomplete": "off", "spellcheck": "false", "maxlength": 255},
    )


class GroupForm(PlainForm):
    """A group of tags."""

    schema = NewTagGroup
    tariff = SelectField(
        _("Tariff"),
        default="",
        description=_("For the group's tags, unless their driver has a tariff."),
    )
    sites = CheckboxListField(
        _("Belongs to"),
        coerce=int,
        description=_(
            "Staff of the ticked sites may change this. None ticked: staff of all sites."
        ),
    )
