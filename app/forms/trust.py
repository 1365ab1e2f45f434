"""Forms: certificates, those who sign them, and contracts."""

from flask_babel import lazy_gettext as _
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from app.forms.ground.form import DeskForm

#: What a root is for, in words.
ROOTS = [
    ("csms_root", "This system: what stations check us by"),
    ("manufacturer_root", "A manufacturer: what signs firmware"),
    ("v2g_root", "V2G: what cars and stations trust (ISO 15118)"),
    ("mo_root", "A mobility operator: what signs contracts"),
    ("oem_root", "A car maker: what signs cars (OCPP 2.1)"),
]
_PEM = {"rows": 8, "spellcheck": "false", "placeholder": "-----BEGIN CERTIFICATE-----"}


class RootForm(DeskForm):
    """A root certificate that stations shall be given."""

    name = StringField(_("Name"), [Length(max=120)], description=_("Empty: its own name."))
    use = SelectField(_("For"), choices=ROOTS)
    pem = TextAreaField(
        _("Certificate"),
        [InputRequired(_("Paste the certificate.")), Length(max=20_000)],
        render_kw=_PEM,
    )


class ChainForm(DeskForm):
    """What an authority made of a station's request."""

    pem = TextAreaField(
        _("Signed chain"),
        [InputRequired(_("Paste the signed certificate.")), Length(max=20_000)],
        description=_("The station's certificate first, then those above it."),
        render_kw=_PEM,
    )


class RevokeForm(DeskForm):
    """Why a certificate counts no more."""

    reason = StringField(_("Reason"), [InputRequired(_("Say why it is revoked.")), Length(max=300)])
