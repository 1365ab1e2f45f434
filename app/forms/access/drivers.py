"""The form of a driver."""

from flask_wtf import FlaskForm
from wtforms import EmailField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from app.domain.access.drivers import LANGUAGES
from app.forms.ground.refusals import fits
from app.forms.office.staff import CheckboxListField
from app.schemas.access import NewDriver


class DriverForm(FlaskForm):  # type: ignore[misc]
    """A person who charges."""

    name = StringField(
        "Name",
        [InputRequired("Type a name."), fits(NewDriver, "name")],
        render_kw={"autocomplete": "off"},
    )
    email = EmailField(
        "E-mail",
        [fits(NewDriver, "email")],
        description="Receipts go here. Empty: bills are made, but no receipt is sent.",
        render_kw={"autocomplete": "off"},
    )
    language = SelectField("Language of receipts", choices=list(LANGUAGES.items()))
    tariff = SelectField(
        "Tariff",
        default="",
        description="Goes before the tariffs of the group, the station and the site.",
    )
    sites = CheckboxListField(
        "Belongs to",
        coerce=int,
        description="Staff of the ticked sites may change this. None ticked: staff of all sites.",
    )
    note = TextAreaField("Note", [fits(NewDriver, "note")], render_kw={"rows": 3})
