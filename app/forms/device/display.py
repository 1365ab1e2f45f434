"""The form for showing a text on a station's display."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import DateTimeLocalField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from app.domain.commands.orders.station import MOMENTS, PRIORITIES

_PRIORITY_WORDS = {
    "normal_cycle": "In turn with the others",
    "in_front": "In front of the others",
    "always_front": "Alone, always",
}


class ShowForm(FlaskForm):  # type: ignore[misc]
    """One text; its times are those of the site's clock."""

    text = TextAreaField(
        _("Text"), [InputRequired(_("Type the text.")), Length(max=1024)], render_kw={"rows": 3}
    )
    when = SelectField(_("When"), choices=[("", "Always"), *((word, word) for word in MOMENTS)])
    priority = SelectField(_("How"), choices=[(word, _PRIORITY_WORDS[word]) for word in PRIORITIES])
    starts_at = DateTimeLocalField(
        _("From"), [Optional()], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
    )
    ends_at = DateTimeLocalField(
        _("Until"), [Optional()], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
    )
    language = StringField(
        _("Language"), [Optional(), Length(max=8)], description=_("As in en or de.")
    )
