"""What all forms are: where WTForms speaks of values and fields, they say what to enter."""

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.i18n import Translations
from wtforms import FileField, Form, SelectMultipleField, TextAreaField, widgets

from app.domain.ground.clock import time_zones
from app.domain.ground.texts import N_, row_id

#: What WTForms says by itself, and what is said for it.
WORDS = {
    "Not a valid integer value.": N_("Enter a whole number."),
    "Not a valid decimal value.": N_("Enter a number."),
    "Not a valid float value.": N_("Enter a number."),
    "Number must be at least %(min)s.": N_("Enter a number from %(min)s on."),
    "Number must be at most %(max)s.": N_("Enter a number up to %(max)s."),
    "Number must be between %(min)s and %(max)s.": N_("Enter a number from %(min)s to %(max)s."),
    "Not a valid choice.": N_("Choose one from the list."),
    "Invalid Choice: could not coerce.": N_("Choose one from the list."),
    "Not a valid datetime value.": N_("Enter a date and a time."),
    "Not a valid date value.": N_("Enter a date."),
    "Not a valid time value.": N_("Enter a time."),
    "This field is required.": N_("This must be filled in."),
    "Invalid input.": N_("This cannot be used."),
}


class _Words(Translations):  # type: ignore[misc]
    """The reader's words for what WTForms says."""

    def gettext(self, string: str) -> Any:
        # Its values are put in by whoever asks.
        return gettext(WORDS[string]) if string in WORDS else super().gettext(string)


_WORDS = _Words()


def _speak(_meta: Any, _form: Any) -> Translations:
    return _WORDS


class DeskForm(FlaskForm):  # type: ignore[misc]
    """A form of the desk; `answer` is the status of a page that shows what was refused of it."""

    answer = 422

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """Its fields speak our words."""

        get_translations = _speak

    @property
    def zones(self) -> tuple[str, ...]:
        """What a field of a time zone offers."""
        return time_zones()


class DeskRow(Form):  # type: ignore[misc]
    """A row of fields within a form."""

    class Meta:
        """As that of a form."""

        get_translations = _speak


def ticked_id(value: Any) -> int:
    """The id of a row that is ticked; `ValueError` for what is the id of none."""
    found = row_id(str(value))
    if found is None:
        raise ValueError(value)
    return found


def chosen_id(value: Any) -> int | None:
    """The id of a row that is chosen; None where none is."""
    return row_id(str(value))


class CheckboxListField(SelectMultipleField):  # type: ignore[misc]
    """Several of a list, as checkboxes: works by touch and without a modifier key.

    In an address they are one text, with commas between.
    """

    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()

    def process_data(self, value: Any) -> None:
        """Tick what the value names."""
        super().process_data(value.split(",") if isinstance(value, str) else value)


# The form of every import: a file, or its text.


class ImportForm(DeskForm):
    """A CSV file, or its text."""

    file = FileField(
        _("CSV file"),
        render_kw={"accept": ".csv,.tsv,.txt,text/csv,text/plain,text/tab-separated-values"},
    )
    text = TextAreaField(_("Or paste the rows"), render_kw={"rows": 8, "spellcheck": "false"})
