"""The form of the organisation: who sells, and by which rules bills are made."""

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

from app.domain.ground.vocabulary import (
    AHEAD,
    OF_NO_SITE,
    AlertKind,
    SecondFactorRule,
    WebhookEvent,
)
from app.forms.ground.form import CheckboxListField, DeskForm, ticked_id
from app.forms.ground.plain import PlainForm
from app.forms.ground.refusals import fits
from app.schemas.office import AlertChanges, NewAlertRule, NewReportSchedule, NewWebhook

_WHOLE = {"inputmode": "numeric"}


def _rule(label: str, most: int, description: str) -> IntegerField:
    return IntegerField(
        label,
        [InputRequired(_("Type a number; 0 for none.")), NumberRange(0, most)],
        description=description,
        render_kw=_WHOLE,
    )


class OrganisationForm(DeskForm):
    """What receipts say of the seller, and the rules of billing."""

    seller_name = StringField(
        _("Name"), [Length(max=120)], render_kw={"autocomplete": "organization"}
    )
    seller_address = StringField(
        _("Address"), [Length(max=300)], description=_("In one line, with postcode and town.")
    )
    seller_tax_number = StringField(_("Tax number"), [Length(max=40)])
    seller_contact = StringField(
        _("Contact"),
        [Length(max=254)],
        description=_("Where drivers ask about a bill: an e-mail address, a web page or a number."),
    )
    least_energy_wh = _rule(
        "Least energy (Wh)", 100_000, "Below this and the least time, a session costs nothing."
    )
    least_duration_s = _rule("Least time (s)", 86_400, "A session below both is a failed start.")
    late_below_minor = _rule(
        "Late difference (cents)",
        1_000_000,
        "A smaller change after the bill is noted, not billed.",
    )
    idle_from_readings = BooleanField(
        _("Bill idle time that only the meter shows"),
        description=_("Otherwise it is noted on the session and costs nothing."),
    )
    second_factor = SelectField(
        _("Who needs a second factor"),
        choices=[
            (SecondFactorRule.NOBODY.value, _("Nobody: whoever wants one sets it up")),
            (SecondFactorRule.ADMINS.value, _("Admins")),
            (SecondFactorRule.EVERYBODY.value, _("Everybody")),
        ],
        description=_("Anyone without one has to set it up before doing anything else."),
    )


# Forms of alerts, of their rules and of webhooks.


#: What rules watch, as people say it.
KINDS = {
    AlertKind.STATION_OFFLINE: _("A station is offline"),
    AlertKind.CONNECTOR_FAULTED: _("A connector is faulted"),
    AlertKind.SESSION_ENDLESS: _("A session has no stop"),
    AlertKind.BILL_HELD: _("A bill is held for review"),
    AlertKind.MAIL_FAILED: _("Mails could not be sent"),
    AlertKind.TASK_FAILED: _("A task of the installation failed"),
    AlertKind.CERTIFICATE_EXPIRING: _("A certificate is about to expire"),
    AlertKind.SECURITY_EVENT: _("A station reports a security event"),
    AlertKind.UNKNOWN_CHARGER: _("An unknown charger tries to connect"),
    AlertKind.SUPPLY_EXCEEDED: _("A site draws more than its supply limit"),
    AlertKind.NO_WORKER: _("No worker is running"),
    AlertKind.WEBHOOK_GIVEN_UP: _("A webhook keeps failing"),
    AlertKind.TOKEN_EXPIRING: _("An API token is about to expire"),
}
EVENTS = {
    WebhookEvent.SESSION_STARTED: _("A session has started"),
    WebhookEvent.SESSION_ENDED: _("A session has ended"),
    WebhookEvent.BILL_ISSUED: _("A bill was issued"),
    WebhookEvent.BILL_CORRECTED: _("A bill was cancelled or corrected"),
    WebhookEvent.BILL_HELD: _("A bill is held for review"),
    WebhookEvent.STATION_ONLINE: _("A station has connected"),
    WebhookEvent.STATION_OFFLINE: _("A station has gone offline"),
    WebhookEvent.CONNECTOR_STATUS: _("A connector changed status"),
    WebhookEvent.ORDER_ENDED: _("An order has ended"),
    WebhookEvent.ALERT_OPENED: _("An alert was opened"),
    WebhookEvent.ALERT_CLOSED: _("An alert was closed"),
}
#: How long mails about an alert may be put off on the desk, in hours.
SNOOZES = [("1", _("An hour")), ("4", _("4 hours")), ("24", _("A day")), ("168", _("A week"))]


class AddressesField(TextAreaField):  # type: ignore[misc]
    """E-mail addresses, one on each line; its data is their list."""

    def _value(self) -> str:
        return "\n".join(self.data or ())

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take the lines apart."""
        text = valuelist[0] if valuelist else ""
        self.data = [line.strip() for line in text.replace(",", "\n").split("\n") if line.strip()]


class AlertRuleForm(PlainForm):
    """What is watched, and who is told."""

    schema = NewAlertRule
    #: What is not asked of a kind is hidden by the style sheet (`data-…`), and not taken.
    kind = SelectField(
        _("Condition"),
        choices=[
            (one.value, KINDS[one], {"data-ends": one in AHEAD, "data-nowhere": one in OF_NO_SITE})
            for one in AlertKind
        ],
    )
    site_ids = CheckboxListField(
        _("Where"),
        coerce=ticked_id,
        description=_(
            "If none is ticked, the rule covers every site that has no rule of its own for this."
        ),
    )
    mail_to = AddressesField(
        _("Mail to"), description=_("One address on each line."), render_kw={"rows": 3}
    )
    escalate_to = AddressesField(
        _("Then mail to"), description=_("One address on each line."), render_kw={"rows": 2}
    )

    def typed(self) -> dict[str, Any]:
        """What was typed, as far as it is asked of the kind that was chosen."""
        kind = AlertKind(self.kind.data)
        given = super().typed()
        given["days" if kind not in AHEAD else "minutes"] = None
        given["site_ids"] = () if kind in OF_NO_SITE else self.site_ids.data or ()
        return given


class AlertForm(DeskForm):
    """Who sees to an alert, until when it is quiet, and what there is to know."""

    assigned_to = SelectField(_("Assigned to"), default="")
    snooze = SelectField(
        _("E-mails"),
        choices=[("", _("As the rule says")), *SNOOZES],
        default="",
        description=_(
            "A snooze ends by itself. If the problem is still there, people are notified again."
        ),
    )
    note = TextAreaField(_("Note"), [fits(AlertChanges, "note")], render_kw={"rows": 2})


class ClosingForm(DeskForm):
    """Why an alert is closed by hand."""

    note = TextAreaField(
        _("Why"), [fits(AlertChanges, "note")], id="closing-note", render_kw={"rows": 2}
    )


class WebhookForm(PlainForm):
    """Where a webhook is, and what it is told of."""

    schema = NewWebhook
    events = CheckboxListField(
        _("Events"),
        [InputRequired(_("Choose at least one event."))],
        choices=[(one.value, EVENTS[one]) for one in WebhookEvent],
    )

    def typed(self) -> dict[str, Any]:
        """What was typed."""
        return {"name": self.name.data, "url": self.url.data, "events": self.events.data or []}


# The form of a report on schedule.


class ReportScheduleForm(PlainForm):
    """What goes out, about what, how often and to whom."""

    schema = NewReportSchedule
    kind = SelectField(_("Report"), choices=[])
    by = SelectField(_("By"), choices=[("", _("As usual"))], default="")
    site_id = SelectField(_("Site"), default="", choices=[("", _("All sites"))])
    every = SelectField(
        _("Period"), choices=[("week", _("the last week")), ("month", _("the last month"))]
    )
    file_format = SelectField(
        _("File"), choices=[("pdf", "PDF"), ("xlsx", "XLSX"), ("csv", "CSV")], default="pdf"
    )
    recipients = AddressesField(
        _("Mail to"), description=_("One address on each line."), render_kw={"rows": 3}
    )
    confirm_outside = BooleanField(_("Addresses of people outside the staff may get it, too"))
