"""The form of the firmware library."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import FileField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional


class FirmwareForm(FlaskForm):  # type: ignore[misc]
    """An image for the library."""

    file = FileField(_("File"), description=_("As the vendor gave it to you."))
    version = StringField(
        _("Version"),
        [InputRequired(_("Say which version it is.")), Length(max=60)],
        description=_(
            "As the station names it when it boots: by that the update is seen to be done."
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
