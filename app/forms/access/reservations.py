"""The form of a reservation."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange

from app.domain.commands.orders.tags import MOST_MINUTES, PLUG_TYPES


class ReserveForm(FlaskForm):  # type: ignore[misc]
    """Keep a connector for somebody."""

    connector = SelectField(_("Connector"), validate_choice=False, choices=[])
    plug_type = SelectField(
        _("Plug"),
        choices=[("", "Any"), *((word, word.replace("_", " ")) for word in PLUG_TYPES)],
        default="",
        description=_("Only stations with OCPP 2.x look at it."),
    )
    token = StringField(
        _("Tag"),
        [InputRequired(_("Type or choose a tag.")), Length(max=255)],
        description=_("Only this tag, or one of its group, may charge there meanwhile."),
        render_kw={"list": "tags", "autocomplete": "off", "autocapitalize": "characters"},
    )
    minutes = IntegerField(
        _("Minutes"),
        [InputRequired(_("Say for how many minutes.")), NumberRange(1, MOST_MINUTES)],
        default=30,
    )

    def offer(self, plugs: list[int]) -> None:
        """Fill the choice with the station's connectors."""
        self.connector.choices = [("0", "Any"), *((str(n), f"Connector {n}") for n in plugs)]
