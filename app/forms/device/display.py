"""The form for showing a text on a station's display."""

from flask_wtf import FlaskForm
from wtforms import DateTimeLocalField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from app.domain.commands.orders.display import MOMENTS, PRIORITIES

_PRIORITY_WORDS = {
    "normal_cycle": "In turn with the others",
    "in_front": "In front of the others",
    "always_front": "Alone, always",
}


class ShowForm(FlaskForm):  # type: ignore[misc]
    """One text; its times are those of the site's clock."""

    text = TextAreaField(
        "Text", [InputRequired("Type the text."), Length(max=1024)], render_kw={"rows": 3}
    )
    when = SelectField("When", choices=[("", "Always"), *((word, word) for word in MOMENTS)])
    priority = SelectField("How", choices=[(word, _PRIORITY_WORDS[word]) for word in PRIORITIES])
    starts_at = DateTimeLocalField(
        "From", [Optional()], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
    )
    ends_at = DateTimeLocalField(
        "Until", [Optional()], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
    )
    language = StringField("Language", [Optional(), Length(max=8)], description="As in en or de.")
