"""The form of a broadcast: how it is paced; the order's own fields come from its own form."""

from flask_babel import lazy_gettext as _
from wtforms import IntegerField
from wtforms.validators import NumberRange, Optional

from app.domain.commands.broadcasts import MOST_AT_ONCE
from app.forms.ground.form import DeskForm


class PaceForm(DeskForm):
    """How many stations at a time, and when to stop."""

    at_once = IntegerField(
        _("At once"),
        [NumberRange(1, MOST_AT_ONCE)],
        default=10,
        description=_(
            "This many stations are asked at a time; each answer makes room for the next."
        ),
        render_kw={"inputmode": "numeric"},
    )
    stop_percent = IntegerField(
        _("Stop at failures, in percent"),
        [Optional(), NumberRange(0, 100)],
        default=30,
        description=_("When more than this share has failed, the rest is not asked. Empty: never."),
        render_kw={"inputmode": "numeric"},
    )
