"""Forms of people who are not signed in yet."""

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from app.forms.ground.form import DeskForm

_EMAIL = {"autocomplete": "username", "autofocus": True}
_NEW = {"autocomplete": "new-password", "minlength": "12"}


class SignInForm(DeskForm):
    """E-mail address and password."""

    email = EmailField(
        _("E-mail"),
        [InputRequired(_("Type your e-mail address.")), Length(max=254)],
        render_kw=_EMAIL,
    )
    password = PasswordField(
        _("Password"),
        [InputRequired(_("Type your password.")), Length(max=200)],
        render_kw={"autocomplete": "current-password"},
    )
    remember = BooleanField(_("Keep me signed in on this device for 30 days"))


class FirstAdminForm(DeskForm):
    """Who the first admin is."""

    name = StringField(
        _("Your name"),
        [InputRequired(_("Type your name.")), Length(max=120)],
        render_kw={"autocomplete": "name", "autofocus": True},
    )
    email = EmailField(
        _("E-mail"),
        [InputRequired(_("Type your e-mail address.")), Length(max=254)],
        render_kw={"autocomplete": "username"},
    )
    password = PasswordField(
        _("Password"),
        [InputRequired(_("Choose a password."))],
        description=_("12 characters or more; three or four unrelated words are good."),
        render_kw=_NEW,
    )


class ForgottenForm(DeskForm):
    """Where the reset mail should go."""

    email = EmailField(
        _("E-mail"),
        [InputRequired(_("Type your e-mail address.")), Length(max=254)],
        render_kw=_EMAIL,
    )


class NewPasswordForm(DeskForm):
    """A new password."""

    password = PasswordField(
        _("New password"),
        [InputRequired(_("Choose a password."))],
        description=_("12 characters or more; three or four unrelated words are good."),
        render_kw={**_NEW, "autofocus": True},
    )


class OwnPasswordForm(NewPasswordForm):
    """A new password of somebody who is signed in and proves it with the old one."""

    current = PasswordField(
        _("Current password"),
        [InputRequired(_("Type your current password."))],
        render_kw={"autocomplete": "current-password"},
    )


class CodeForm(DeskForm):
    """A code of somebody's app, or a recovery code; `what` says what it is to allow."""

    code = StringField(
        _("Code"),
        [InputRequired(_("Type the code.")), Length(max=40)],
        render_kw={
            "autocomplete": "one-time-code",
            "autocapitalize": "none",
            "spellcheck": "false",
        },
    )
    what = HiddenField()
