"""Forms: who may charge: tags, groups, drivers, local lists and reservations."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.domain.access.drivers import LANGUAGES
from app.domain.access.tags import MOST_CONCURRENT
from app.domain.commands.orders.tags import MOST_MINUTES, PLUG_TYPES
from app.forms.ground.plain import PlainForm
from app.forms.office.staff import CheckboxListField
from app.schemas.access import NewDriver, NewTag, NewTagGroup


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


# Forms of tags, their groups and their import.


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


# The form of a reservation.


class ReserveForm(FlaskForm):  # type: ignore[misc]
    """Keep a connector for somebody."""

    connector = SelectField(_("Connector"), validate_choice=False, choices=[])
    plug_type = SelectField(
        _("Plug"),
        choices=[("", "Any"), *((word, word.replace("_", " ")) for word in PLUG_TYPES)],
        default="",
        description=_("Only stations with OCPP 2.x look at it."),
    )
    token = StringField(
        _("Tag"),
        [InputRequired(_("Type or choose a tag.")), Length(max=255)],
        description=_("Only this tag, or one of its group, may charge there meanwhile."),
        render_kw={"list": "tags", "autocomplete": "off", "autocapitalize": "characters"},
    )
    minutes = IntegerField(
        _("Minutes"),
        [InputRequired(_("Say for how many minutes.")), NumberRange(1, MOST_MINUTES)],
        default=30,
    )

    def offer(self, plugs: list[int]) -> None:
        """Fill the choice with the station's connectors."""
        self.connector.choices = [("0", "Any"), *((str(n), f"Connector {n}") for n in plugs)]
