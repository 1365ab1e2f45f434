"""The form of a report on schedule."""

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, SelectField

from app.forms.ground.plain import PlainForm
from app.forms.office.alerts import AddressesField
from app.schemas.reports import NewReportSchedule


class ReportScheduleForm(PlainForm):
    """What goes out, about what, how often and to whom."""

    schema = NewReportSchedule
    kind = SelectField(_("Report"), choices=[])
    by = SelectField(_("By"), choices=[("", _("As is usual"))], default="")
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
