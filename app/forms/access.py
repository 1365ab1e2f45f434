"""Forms: who may charge: tags, groups, drivers, local lists and reservations."""

from collections.abc import Iterable
from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.domain.access.drivers import LANGUAGES
from app.domain.access.tags import MOST_CONCURRENT
from app.domain.commands.orders.tags import MOST_MINUTES, PLUG_TYPES
from app.domain.ground.texts import row_id
from app.forms.ground.form import CheckboxListField, DeskForm, ticked_id
from app.forms.ground.plain import PlainForm
from app.schemas.access import NewDriver, NewTag, NewTagGroup
from app.schemas.base import Schema


class OwnedForm(PlainForm):
    """What is some sites' matter, and may have a tariff."""

    schema = Schema
    sites = CheckboxListField(
        _("Belongs to"),
        coerce=ticked_id,
        description=_(
            "Staff of the ticked sites may change this. None ticked: staff of all sites."
        ),
    )

    @classmethod
    def held(cls, row: Any) -> dict[str, Any]:
        """What a row holds of it."""
        own = {"tariff": str(row.tariff_id or ""), "sites": [site.id for site in row.sites]}
        return super().held(row) | own

    def typed(self) -> dict[str, Any]:
        """What was typed, by the names of the schema's members."""
        own = {"tariff_id": row_id(self.tariff.data), "site_ids": frozenset(self.sites.data or ())}
        return super().typed() | own


class DriverForm(OwnedForm):
    """A person who charges."""

    schema = NewDriver
    language = SelectField(_("Language of receipts"), choices=list(LANGUAGES.items()))
    tariff = SelectField(
        _("Tariff"),
        default="",
        description=_("Goes before the tariffs of the group, the station and the site."),
    )


class TagFactsForm(PlainForm):
    """What is typed about a tag besides its value."""

    schema = NewTag
    driver = StringField(
        _("Driver"),
        [Length(max=300)],
        description=_("Name or e-mail address. Receipts go to this person."),
        render_kw={"list": "drivers", "autocomplete": "off"},
    )
    group = SelectField(_("Group"), default="")
    expires_at = StringField(
        _("Expires"),
        [Optional()],
        description=_("Taps are refused from then on. Empty: never."),
        render_kw={"type": "datetime-local"},
    )
    concurrent_limit = IntegerField(
        _("Sessions at once"),
        [
            Optional(),
            NumberRange(1, MOST_CONCURRENT, f"Type a number from 1 to {MOST_CONCURRENT}."),
        ],
        description=_("Empty: no limit."),
        render_kw={"type": "number", "min": 1, "max": MOST_CONCURRENT, "inputmode": "numeric"},
    )
    sites = CheckboxListField(_("Sites"), coerce=ticked_id)
    stations = CheckboxListField(_("Single stations"), coerce=ticked_id)
    more_stations = StringField(
        _("Add stations"),
        [Length(max=2000)],
        description=_("Identity or name; several with commas between them."),
        render_kw={"list": "stations", "autocomplete": "off", "data-pick-many": "stations"},
    )


class NewTagForm(TagFactsForm):
    """A tag that is put on the list."""

    value = StringField(
        _("Tag"),
        [
            InputRequired(
                _("Type the number of the card, or tap it at a station and add it from there.")
            )
        ],
        description=_("As printed or as the station reads it; upper and lower case are the same."),
        render_kw={"autocomplete": "off", "spellcheck": "false", "maxlength": 255},
    )


class GroupForm(OwnedForm):
    schema = NewTagGroup
    tariff = SelectField(
        _("Tariff"),
        default="",
        description=_("For the group's tags, unless their driver has a tariff."),
    )


class ReserveForm(DeskForm):
    """Keep a connector for somebody."""

    connector = SelectField(_("Connector"), validate_choice=False, choices=[])
    plug_type = SelectField(
        _("Plug"),
        choices=[("", "Any plug"), *PLUG_TYPES.items()],
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

    def offer(self, plugs: Iterable[int]) -> None:
        """Fill the choice with connectors."""
        self.connector.choices = [
            ("0", "Any connector"),
            *((str(n), f"Connector {n}") for n in plugs),
        ]

    def wish(self) -> dict[str, Any]:
        """What the order is given."""
        names = ("connector", "plug_type", "token", "minutes")
        return {name: self[name].data for name in names}


class ReserveAtForm(ReserveForm):
    """The same where the station is yet to be named."""

    station = StringField(
        _("Station"),
        description=_("Identity or name."),
        render_kw={"list": "stations", "autocomplete": "off"},
    )
