"""Forms: what a station is and has: device model, settings, monitors, display, firmware, files."""

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    FileField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional

from app.domain.commands.orders.settings import KINDS
from app.domain.commands.orders.station import MOMENTS, PRIORITIES
from app.domain.ground.texts import N_
from app.forms.ground.form import DeskForm

_PRIORITY_WORDS = {
    "normal_cycle": "In turn with the others",
    "in_front": "In front of the others",
    "always_front": "Alone, always",
}


class ShowForm(DeskForm):
    """One text; its times are those of the site's clock."""

    text = TextAreaField(
        _("Text"), [InputRequired(_("Type the text.")), Length(max=1024)], render_kw={"rows": 3}
    )
    when = SelectField(_("When"), choices=[("", N_("Always")), *((word, word) for word in MOMENTS)])
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


class FirmwareForm(DeskForm):
    """An image for the library."""

    file = FileField(_("File"), description=_("As the vendor gave it to you."))
    version = StringField(
        _("Version"),
        [InputRequired(_("Say which version it is.")), Length(max=60)],
        description=_(
            "As the station reports it when it boots: that is how the update is known to be done."
        ),
        render_kw={"autocomplete": "off"},
    )
    vendor = StringField(_("Vendor"), [Optional(), Length(max=120)])
    model = StringField(_("Model"), [Optional(), Length(max=120)])
    signature = TextAreaField(
        _("Signature"),
        [Optional(), Length(max=2000)],
        description=_("Base64, for signed updates. Empty: it goes out unsigned."),
        render_kw={"rows": 2, "spellcheck": "false"},
    )
    signing_certificate = TextAreaField(
        _("Signing certificate"),
        [Optional(), Length(max=8000)],
        description=_("PEM, of the vendor that signed it."),
        render_kw={"rows": 4, "spellcheck": "false"},
    )


#: The severities of the specification, from 0 to 9 (2.0.1 section 2.29).
SEVERITIES = (
    *(N_("danger"), N_("hardware failure"), N_("system failure"), N_("critical"), N_("error")),
    *(N_("alert"), N_("warning"), N_("notice"), N_("informational"), N_("debug")),
)
KIND_WORDS = {
    "upper_threshold": "rises above",
    "lower_threshold": "falls below",
    "delta": "changes by",
    "periodic": "every … seconds",
    "periodic_clock_aligned": "every … seconds, by the clock",
    "target_delta": "is off its target by",
    "target_delta_relative": "is off its target by the share",
}


class WatchForm(DeskForm):
    key = StringField(
        _("Variable"),
        [InputRequired(_("Name the variable.")), Length(max=300)],
        description=_("As in EVSE@1/Power."),
        render_kw={"autocomplete": "off", "autocapitalize": "off"},
    )
    kind = SelectField(_("Report when it"), choices=[(kind, KIND_WORDS[kind]) for kind in KINDS])
    value = StringField(
        _("Value"), [InputRequired(_("Enter a value."))], render_kw={"inputmode": "decimal"}
    )
    severity = SelectField(
        _("Severity"),
        choices=[(str(n), f"{n} · {word}") for n, word in enumerate(SEVERITIES)],
        default="5",
    )
    in_transaction_only = BooleanField(_("Only while a session runs"))


_WORDS = {
    "status": "Ask for its statuses",
    "heartbeat": "Ask for a heartbeat, so that it sets its clock",
    "meter_values": "Ask for meter values",
}


class OnboardingForm(DeskForm):
    """What is done, and the settings that are written where they differ."""

    read = BooleanField(_("Read all of its settings, once per firmware"))
    status = BooleanField(_WORDS["status"])
    heartbeat = BooleanField(_WORDS["heartbeat"])
    meter_values = BooleanField(_WORDS["meter_values"])
    ask_boot = BooleanField(_("Ask it to boot if it connected without introducing itself"))
    local_list = BooleanField(_("Keep its local list of tags up to date"))
    settings = TextAreaField(
        _("Settings"),
        [Optional(), Length(max=20_000)],
        description=_(
            "One per line: name = value. “>=10” takes any number from 10 on, “60..300” any "
            "between. Written once per firmware, and only where the station has something else."
        ),
        render_kw={"rows": 6, "spellcheck": "false", "autocapitalize": "off"},
    )
