"""The form for watching a variable."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from app.domain.commands.orders.settings import KINDS

#: The severities of the specification, from 0 to 9 (2.0.1 section 2.29).
SEVERITIES = (
    *("danger", "hardware failure", "system failure", "critical", "error"),
    *("alert", "warning", "notice", "informational", "debug"),
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


class WatchForm(FlaskForm):  # type: ignore[misc]
    """One monitor."""

    key = StringField(
        _("Variable"),
        [InputRequired(_("Name the variable.")), Length(max=300)],
        description=_("As in EVSE@1/Power."),
        render_kw={"autocomplete": "off", "autocapitalize": "off"},
    )
    kind = SelectField(_("Tell when it"), choices=[(kind, KIND_WORDS[kind]) for kind in KINDS])
    value = StringField(
        _("Value"), [InputRequired(_("Give a value."))], render_kw={"inputmode": "decimal"}
    )
    severity = SelectField(
        _("Severity"),
        choices=[(str(n), f"{n} {word}") for n, word in enumerate(SEVERITIES)],
        default="5",
    )
    in_transaction_only = BooleanField(_("Only while a session runs"))
