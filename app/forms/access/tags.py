"""Forms of tags, their groups and their import."""

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
        "Label",
        [fits(NewTag, "label")],
        description="What it looks like or where it hangs: “red card”, “key box”.",
    )
    driver = StringField(
        "Driver",
        [Length(max=300)],
        description="Name or e-mail address. Receipts go to this person.",
        render_kw={"list": "drivers", "autocomplete": "off"},
    )
    group = SelectField("Group", default="")
    expires_at = StringField(
        "Expires",
        [Optional()],
        description="Taps are refused from then on. Empty: never.",
        render_kw={"type": "datetime-local"},
    )
    concurrent_limit = IntegerField(
        "Sessions at once",
        [
            Optional(),
            NumberRange(1, MOST_CONCURRENT, f"Type a number from 1 to {MOST_CONCURRENT}."),
        ],
        description="Empty: no limit.",
        render_kw={"type": "number", "min": 1, "max": MOST_CONCURRENT, "inputmode": "numeric"},
    )
    sites = CheckboxListField("Sites", coerce=int)
    stations = CheckboxListField("Single stations", coerce=int)


class NewTagForm(TagFactsForm):
    """A tag that is put on the list."""

    value = StringField(
        "Tag",
        [
            InputRequired(
                "Type the number of the card, or tap it at a station and add it from there."
            )
        ],
        description="As printed or as the station reads it; upper and lower case are the same.",
        render_kw={"autocomplete": "off", "spellcheck": "false", "maxlength": 255},
    )


class GroupForm(FlaskForm):  # type: ignore[misc]
    """A group of tags."""

    name = StringField("Name", [InputRequired("Type a name."), fits(NewTagGroup, "name")])
    parent = StringField(
        "Parent token",
        [fits(NewTagGroup, "parent")],
        description="What chargers know the group by (parentIdTag). Empty: made from the name.",
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    tariff = SelectField(
        "Tariff",
        default="",
        description="For the group's tags, unless their driver has a tariff.",
    )
    master_pass = BooleanField(
        "Master pass",
        description="Its tags end any session at stations where they are allowed, and begin none. "
        "Stations of OCPP 2.x know it by MasterPassGroupId, which is the parent token.",
    )
    sites = CheckboxListField(
        "Belongs to",
        coerce=int,
        description="Staff of the ticked sites may change this. None ticked: staff of all sites.",
    )
