"""The form of the firmware library."""

from flask_wtf import FlaskForm
from wtforms import FileField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional


class FirmwareForm(FlaskForm):  # type: ignore[misc]
    """An image for the library."""

    file = FileField("File", description="As the vendor gave it to you.")
    version = StringField(
        "Version",
        [InputRequired("Say which version it is."), Length(max=60)],
        description="As the station names it when it boots: by that the update is seen to be done.",
        render_kw={"autocomplete": "off"},
    )
    vendor = StringField("Vendor", [Optional(), Length(max=120)])
    model = StringField("Model", [Optional(), Length(max=120)])
    signature = TextAreaField(
        "Signature",
        [Optional(), Length(max=2000)],
        description="Base64, for signed updates. Empty: it goes out unsigned.",
        render_kw={"rows": 2, "spellcheck": "false"},
    )
    signing_certificate = TextAreaField(
        "Signing certificate",
        [Optional(), Length(max=8000)],
        description="PEM, of the vendor that signed it.",
        render_kw={"rows": 4, "spellcheck": "false"},
    )
