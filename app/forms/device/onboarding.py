"""The form for what a station gets by itself after a boot."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, TextAreaField
from wtforms.validators import Length, Optional

_WORDS = {
    "status": "Ask for its statuses",
    "heartbeat": "Ask for a heartbeat, so that it sets its clock",
    "meter_values": "Ask for meter values",
}


class OnboardingForm(FlaskForm):  # type: ignore[misc]
    """What is done, and the settings that are written where they differ."""

    read = BooleanField(_("Read all of its settings, once per firmware"))
    status = BooleanField(_WORDS["status"])
    heartbeat = BooleanField(_WORDS["heartbeat"])
    meter_values = BooleanField(_WORDS["meter_values"])
    ask_boot = BooleanField(_("Ask it to boot when it came without ever saying who it is"))
    local_list = BooleanField(_("Keep its local list of tags up to date"))
    settings = TextAreaField(
        _("Settings"),
        [Optional(), Length(max=20_000)],
        description=_(
            "One a line: name = value. “>=10” takes any number from 10 on, “60..300” any "
            "between. Written once per firmware, and only where the station has something else."
        ),
        render_kw={"rows": 6, "spellcheck": "false", "autocapitalize": "off"},
    )
