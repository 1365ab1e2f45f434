"""The form that ends a session by hand."""

from flask_babel import lazy_gettext as _
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from app.forms.ground.form import DeskForm


class EndForm(DeskForm):
    """Why a session is ended for which the charger reported no stop."""

    reason = StringField(
        _("Reason"),
        [InputRequired(_("Say why, so that others can understand it.")), Length(max=300)],
        description=_("Kept in the audit log, for instance “charger was replaced”."),
        render_kw={"autocomplete": "off"},
    )


class BillForm(DeskForm):
    """Why a session is billed whose stop was never reported."""

    reason = StringField(
        _("Reason"),
        [InputRequired(_("Say why, so that others can understand it.")), Length(max=300)],
        description=_("Kept with the decision."),
        render_kw={"autocomplete": "off"},
    )
