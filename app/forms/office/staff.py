"""Forms of the staff pages."""

from collections.abc import Iterator
from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    EmailField,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.domain.ground.vocabulary import Area, Right, Role
from app.domain.office.rights import AREAS, Rights
from app.forms.ground.form import CheckboxListField, DeskForm, ticked_id

BUILT_IN = [
    (Role.ADMIN.value, "Admin: everything, staff and money included"),
    (Role.OPERATOR.value, "Operator: runs stations, tags, drivers and bills"),
    (Role.VIEWER.value, "Viewer: sees everything, changes nothing"),
]


def _zone_field() -> StringField:
    return StringField(
        _("Time zone"),
        [Optional(), Length(max=64)],
        description=_("For times on screen. Empty: the zone of the site, or UTC."),
        render_kw={"list": "zones", "placeholder": "Europe/Berlin", "autocomplete": "off"},
    )


class StaffForm(DeskForm):
    name = StringField(_("Name"), [InputRequired(_("Type a name.")), Length(max=120)])
    email = EmailField(_("E-mail"), [InputRequired(_("Type an e-mail address.")), Length(max=254)])
    role = SelectField(_("Role"), choices=BUILT_IN, default=Role.VIEWER.value)
    sites = CheckboxListField(
        _("Sites"), coerce=ticked_id, description=_("None ticked: all sites, later ones too.")
    )
    timezone = _zone_field()
    language = SelectField(
        _("Language of mails"), choices=[("en", "English"), ("de", "Deutsch")], default="en"
    )


class ProfileForm(DeskForm):
    """What people choose for themselves."""

    name = StringField(
        _("Name"),
        [InputRequired(_("Type a name.")), Length(max=120)],
        render_kw={"autocomplete": "name"},
    )
    language = SelectField(_("Language"), choices=[("en", "English"), ("de", "Deutsch")])
    timezone = _zone_field()
    formats = SelectField(
        _("Numbers and days"),
        choices=[("", _("As the language writes them")), ("iso", _("ISO: 2026-03-02, 1.5"))],
    )
    theme = SelectField(
        _("Light or dark"),
        choices=[("system", _("As the system")), ("light", _("Light")), ("dark", _("Dark"))],
    )


# Forms that give rights: a role, a token, a machine.


LEVELS = [("", _("nothing")), (Right.READ.value, _("see")), (Right.WRITE.value, _("change"))]


class RightsForm(DeskForm):
    """A level for each area; its fields are added below."""

    def hold(self, held: Rights) -> None:
        """Show what is held."""
        for area in Area:
            self[f"may_{area}"].data = held[area].value if area in held else ""

    @property
    def rights(self) -> Rights:
        """What was ticked."""
        chosen = {area: self[f"may_{area}"].data for area in Area}
        return {area: Right(word) for area, word in chosen.items() if word}

    @property
    def levels(self) -> Iterator[tuple[str, str, Any]]:
        """What each area is called, what lies in it, and its field."""
        return ((*words, self[f"may_{area}"]) for area, words in AREAS.items())


for _area, (_label, _about) in AREAS.items():
    setattr(RightsForm, f"may_{_area}", RadioField(_(_label), choices=LEVELS, default=""))


class RoleForm(RightsForm):
    """A role of one's own."""

    name = StringField(
        _("Name"),
        [InputRequired(_("Type a name.")), Length(max=60)],
        render_kw={"placeholder": _("Accounting")},
    )


class TokenForm(RightsForm):
    """An API token: nothing chosen below leaves it all that its person may do and see."""

    name = StringField(
        _("What is it for?"),
        [InputRequired(_("Say what it is for.")), Length(max=120)],
        render_kw={"placeholder": _("Accounting export")},
    )
    days = IntegerField(
        _("Works for (days)"),
        [Optional(), NumberRange(1, 3650)],
        default=365,
        description=_("Empty: until somebody revokes it."),
    )
    sites = CheckboxListField(
        _("Only these sites"),
        coerce=ticked_id,
        description=_("None ticked: all that its person sees."),
    )

    @property
    def narrowed(self) -> bool:
        """Whether it is to do less than its person."""
        return bool(self.rights or self.sites.data)


class MachineForm(DeskForm):
    """A machine on the staff: it has tokens, and nobody signs in as it."""

    name = StringField(
        _("Name"),
        [InputRequired(_("Type a name.")), Length(max=120)],
        render_kw={"placeholder": "Accounting system"},
    )
    owner = SelectField(_("Responsible"), coerce=int)
    role = SelectField(_("Role"), choices=BUILT_IN, default=Role.VIEWER.value)
    sites = CheckboxListField(
        _("Sites"), coerce=ticked_id, description=_("None ticked: all sites, later ones too.")
    )


# Forms of people who are not signed in yet.


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
