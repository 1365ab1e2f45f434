"""Forms: stations, their sites and tenants, plugs and credentials, and who is connected."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import (
    FloatField,
    IntegerField,
    PasswordField,
    SelectField,
    StringField,
)
from wtforms.validators import Length, NumberRange, Optional

from app.domain.ground.vocabulary import Registration, StationMode
from app.domain.network import plugs
from app.forms.ground.form import DeskForm, chosen_id
from app.forms.ground.plain import PlainForm
from app.schemas.network import MOST_CONNECTORS, NewSite, NewStation
from app.schemas.quirks import QUIRKS


class SiteForm(PlainForm):
    """A place where stations stand."""

    schema = NewSite
    tariff_id = SelectField(
        _("Tariff"),
        coerce=chosen_id,
        validate_choice=False,
        description=_("For stations here that have none of their own."),
    )


MODES = [
    (StationMode.LISTED.value, "Listed tags: who has a tag may charge"),
    (StationMode.OPEN.value, "Open to all: any card starts, unknown ones too"),
    (StationMode.CLOSED.value, "Closed: nobody may start"),
]
REGISTRATIONS = [
    (Registration.ACCEPTED.value, "Accepted: it may charge"),
    (Registration.PENDING.value, "Pending: it may connect and be set up, not charge"),
    (Registration.REJECTED.value, "Rejected: it is told to stay away"),
    (Registration.BLOCKED.value, "Blocked: it may not even connect"),
]
PROFILES = [
    ("1", "1: password"),
    ("2", "2: password over TLS"),
    ("3", "3: client certificate over TLS"),
    ("0", "0: no password, from known networks only"),
]
VALIDATIONS = [
    ("", "As the installation"),
    ("tolerant", "Tolerant: repair what is known, and note it"),
    ("strict", "Strict: refuse what breaks the specification"),
]

#: The prefix of the fields that are quirks.
QUIRK = "quirk_"


class StationForm(PlainForm):
    """A station; the quirk fields are added from the table of quirks below."""

    schema = NewStation
    site_id = SelectField(_("Site"), coerce=chosen_id, validate_choice=False)
    connector_count = IntegerField(
        _("Connectors"),
        [Optional(), NumberRange(0, MOST_CONNECTORS)],
        render_kw={"inputmode": "numeric"},
    )
    plug_type = SelectField(
        _("Plug"), choices=[("", "Not specified"), *((t, t) for t in plugs.TYPES)], default=""
    )
    max_power_kw = FloatField(
        _("Maximum power (kW)"),
        [Optional(), NumberRange(0.001, 10_000)],
        description=_("More than this in a session is held for review."),
        render_kw={"inputmode": "decimal"},
    )
    mode = SelectField(_("Who may charge"), choices=MODES, default=MODES[0][0])
    tariff_id = SelectField(_("Tariff"), coerce=chosen_id, validate_choice=False)
    security_profile = SelectField(_("Security profile"), choices=PROFILES, default="1")
    password = PasswordField(
        _("Password"),
        [Optional()],
        description=_("Leave it empty and one is made, which is best: it is shown once."),
        render_kw={"autocomplete": "new-password"},
    )
    registration = SelectField(
        _("Registration"), choices=REGISTRATIONS, default=REGISTRATIONS[0][0]
    )
    validation = SelectField(_("Validation"), choices=VALIDATIONS, default="")

    @property
    def quirk_fields(self) -> list[Any]:
        """The fields of the quirks, in the table's order."""
        return [self[QUIRK + name] for name in QUIRKS]

    def typed(self) -> dict[str, Any]:
        """What was typed, as `app.domain.network.stations` takes it, but for the site."""
        kilowatts = self.max_power_kw.data
        given = {name: self[name].data for name in NewStation.asked()}
        return {
            **given,
            "note": (given["note"] or "").replace("\r\n", " ").replace("\n", " "),
            "security_profile": int(self.security_profile.data),
            "registration": Registration(self.registration.data),
            "mode": StationMode(self.mode.data),
            "validation": self.validation.data or None,
            "tariff_id": self.tariff_id.data,
            "max_power_w": None if kilowatts is None else kilowatts * 1000,
            "connectors": 1 if self.connector_count.data is None else self.connector_count.data,
            "plug_type": self.plug_type.data or None,
            "quirks": {name: self[QUIRK + name].data for name in QUIRKS},
        }

    def fill_quirks(self, quirks: Mapping[str, Any]) -> None:
        """Show the quirks that are set."""
        for name, value in quirks.items():
            if QUIRK + name in self:
                self[QUIRK + name].data = shown(value)


def shown(value: object) -> str:
    """A quirk's value as it is typed."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)


def _add_quirk_fields() -> None:
    for name, quirk in QUIRKS.items():
        label, look = quirk.label, quirk.read.shape
        if look.kind in ("switch", "choice"):
            words = look.choices or ("yes", "no")
            choices = [("", "As usual"), *((word, word) for word in words)]
            made: Any = SelectField(label, choices=choices, description=quirk.help, default="")
        else:
            made = StringField(label, [Optional(), Length(max=300)], description=quirk.help)
        setattr(StationForm, QUIRK + name, made)


_add_quirk_fields()


class PasswordForm(DeskForm):
    """A password that somebody chose; empty: make one."""

    password = PasswordField(
        _("A password of your own"),
        [Optional()],
        description=_("Empty: one is made and shown once."),
        render_kw={"autocomplete": "new-password"},
    )
