"""The form of a driver."""

from flask_wtf import FlaskForm
from wtforms import EmailField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from app.domain.access.drivers import LANGUAGES
from app.forms.office.staff import CheckboxListField


class DriverForm(FlaskForm):  # type: ignore[misc]
    """A person who charges."""

    name = StringField(
        "Name", [InputRequired("Type a name."), Length(max=120)], render_kw={"autocomplete": "off"}
    )
    email = EmailField(
        "E-mail",
        [Length(max=254)],
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
    note = TextAreaField("Note", [Length(max=500)], render_kw={"rows": 3})
