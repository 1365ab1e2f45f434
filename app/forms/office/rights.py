"""Forms that give rights: a role, a token, a machine."""

from collections.abc import Iterator
from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import IntegerField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.domain.ground.vocabulary import Area, Right, Role
from app.domain.office.rights import AREAS, Rights
from app.forms.ground.form import CheckboxListField, DeskForm, ticked_id
from app.forms.office.staff import BUILT_IN

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
    owner = SelectField(_("Who answers for it"), coerce=int)
    role = SelectField(_("Role"), choices=BUILT_IN, default=Role.VIEWER.value)
    sites = CheckboxListField(
        _("Sites"), coerce=ticked_id, description=_("None ticked: all sites, later ones too.")
    )
