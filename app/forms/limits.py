"""Forms: how much may be drawn: charging profiles, schedules, what cars need, and the grid."""

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import (
    FieldList,
    FormField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.domain.limits.profile_documents import HIGHEST_STACK_LEVEL, KINDS, PURPOSES
from app.forms.commands.commands import PICKER
from app.forms.ground.form import DeskForm, DeskRow
from app.forms.ground.refusals import fits
from app.schemas.limits import NewChargingProfile

#: Steps of a schedule on the form, and empty rows after those that are filled in.
MOST_ROWS, SPARE = 200, 3
_CODE = {"class": "form-control code", "spellcheck": "false", "rows": 6}


def _moment(label: str, help_text: str) -> StringField:
    look = {"type": PICKER, "autocomplete": "off"}
    return StringField(label, [Length(max=40)], description=help_text, render_kw=look)


class PeriodForm(DeskRow):
    """One step of a schedule."""

    starts = StringField(
        _("From"), [Length(max=20)], render_kw={"autocomplete": "off", "placeholder": "07:00"}
    )
    limit = StringField(
        _("Limit"), [Length(max=20)], render_kw={"autocomplete": "off", "inputmode": "decimal"}
    )
    phases = SelectField(
        _("Phases"), choices=[("", _("any")), ("1", "1"), ("2", "2"), ("3", "3")], default=""
    )


class ProfileForm(DeskForm):
    """All that is typed about a profile."""

    name = StringField(
        _("Name"), [InputRequired(_("Give it a name.")), fits(NewChargingProfile, "name")]
    )
    note = StringField(_("Note"), [fits(NewChargingProfile, "note")])
    purpose = SelectField(
        _("What it limits"),
        choices=[(word, label) for word, label in PURPOSES.items() if word != "external"],
        default="default",
    )
    kind = SelectField(_("Valid"), choices=list(KINDS.items()), default="absolute")
    unit = SelectField(_("Unit"), choices=[("A", "Ampere per phase"), ("W", "Watt")], default="A")
    stack_level = IntegerField(
        _("Stack level"),
        [Optional(), NumberRange(0, HIGHEST_STACK_LEVEL)],
        default=0,
        description=_("Of several profiles the one with the highest level counts."),
    )
    periods = FieldList(FormField(PeriodForm), max_entries=MOST_ROWS)
    min_rate = StringField(_("Never below"), [Length(max=20)], description=_("In the same unit."))
    duration_s = IntegerField(_("Lasts, in seconds"), [Optional(), NumberRange(1, 366 * 86_400)])
    update_every_s = IntegerField(
        _("Asks for updates every, in seconds"),
        [Optional(), NumberRange(1, 86_400)],
        description=_("Only for one that is updated while it runs."),
    )
    starts_at = _moment("The schedule begins", "Empty: at midnight, or when it is sent.")
    valid_from = _moment("Valid from", "")
    valid_to = _moment("Valid until", "")
    document = TextAreaField(
        _("All of it as JSON"),
        [Length(max=100_000)],
        description=_("Used instead of the fields where it is filled in."),
        render_kw=_CODE,
    )

    def spare_rows(self) -> "ProfileForm":
        """Add empty rows, so that steps can be added without a script."""
        while (
            len(self.periods) < MOST_ROWS
            and sum(not row.starts.data for row in self.periods) < SPARE
        ):
            self.periods.append_entry()
        return self

    def offer_purpose(self, word: str) -> None:
        """Keep a purpose on offer that a profile already has."""
        if word not in dict(self.purpose.choices):
            self.purpose.choices = [*self.purpose.choices, (word, PURPOSES[word])]


class AssignForm(DeskForm):
    """A profile for a station: where, and for which session."""

    profile_id = SelectField(_("Profile"), validate_choice=False, choices=[])
    station = StringField(
        _("Station"),
        description=_("Identity or name."),
        render_kw={"list": "stations", "autocomplete": "off"},
    )
    connector = SelectField(_("Connector"), validate_choice=False, choices=[("0", "Whole station")])
    session_id = SelectField(_("Session"), validate_choice=False, choices=[("", "None")])

    def offer(self, plugs: list[int], sessions: list[Any]) -> None:
        """Fill the choices with a station's connectors and running sessions."""
        self.connector.choices = [
            ("0", "Whole station"),
            *((str(number), f"Connector {number}") for number in plugs),
        ]
        self.session_id.choices = [
            ("", "None"),
            *((str(row.id), f"Session {row.id}, connector {row.evse}") for row in sessions),
        ]
