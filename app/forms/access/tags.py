"""Forms of tags, their groups and their import."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.domain.access.tags import MOST_CONCURRENT
from app.forms.ground.refusals import fits
from app.forms.office.staff import CheckboxListField
from app.schemas.access import NewTag, NewTagGroup


class TagFactsForm(FlaskForm):  # type: ignore[misc]
    """What is typed about a tag besides its value."""

    label = StringField(
        _("Label"),
        [fits(NewTag, "label")],
        description=_("What it looks like or where it hangs: “red card”, “key box”."),
    )
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


class GroupForm(FlaskForm):  # type: ignore[misc]
    """A group of tags."""

    name = StringField(_("Name"), [InputRequired(_("Type a name.")), fits(NewTagGroup, "name")])
    parent = StringField(
        _("Parent token"),
        [fits(NewTagGroup, "parent")],
        description=_("What chargers know the group by (parentIdTag). Empty: made from the name."),
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    tariff = SelectField(
        _("Tariff"),
        default="",
        description=_("For the group's tags, unless their driver has a tariff."),
    )
    master_pass = BooleanField(
        _("Master pass"),
        description=_(
            "Its tags end any session at stations where they are allowed, and begin none. "
            "Stations of OCPP 2.x know it by MasterPassGroupId, which is the parent token."
        ),
    )
    sites = CheckboxListField(
        _("Belongs to"),
        coerce=int,
        description=_(
            "Staff of the ticked sites may change this. None ticked: staff of all sites."
        ),
    )
