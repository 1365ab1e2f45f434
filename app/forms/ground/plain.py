"""Forms of the plain nouns: a field for each member of a schema that people are asked for."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any, ClassVar

from flask_babel import lazy_gettext
from wtforms import (
    BooleanField,
    DecimalField,
    Field,
    FloatField,
    IntegerField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Optional

from app.forms.ground.form import DeskForm
from app.forms.ground.refusals import fits
from app.schemas.base import Asked, Schema

_NUMBERS: dict[type, tuple[Any, dict[str, Any], str]] = {
    Decimal: (DecimalField, {"places": None}, "decimal"),
    float: (FloatField, {}, "decimal"),
    int: (IntegerField, {}, "numeric"),
}


class PlainForm(DeskForm):
    """A form of what its schema asks for; a field that is declared stays as it is."""

    schema: ClassVar[type[Schema]]

    def __init_subclass__(cls) -> None:
        """Add the fields."""
        super().__init_subclass__()
        for name, asked in cls.schema.asked().items():
            if not hasattr(cls, name):
                setattr(cls, name, _field(cls.schema, name, asked))

    @classmethod
    def held(cls, row: Any) -> dict[str, Any]:
        """What a row holds of it."""
        names = [name for name in cls.schema.model_fields if hasattr(cls, name)]
        return {name: getattr(row, name) for name in names}

    @classmethod
    def stated(cls, row: Any, placed: Collection[str]) -> list[tuple[str, Any]]:
        """What a row says of what the schema asks for, by its labels, where a page has no place."""
        asked = cls.schema.asked().items()
        said = [(one.label, getattr(row, name)) for name, one in asked if name not in placed]
        return [(label, value) for label, value in said if value not in (None, "")]

    def rest(self) -> list[Field]:
        """What the schema asks for and the page has given no place of its own yet."""
        asked = (self[name] for name in self.schema.asked())
        return [field for field in asked if not getattr(field, "placed", False)]

    def typed(self) -> dict[str, Any]:
        """What was typed, by the names of the schema's members."""
        return {name: self[name].data for name in self.schema.model_fields if name in self}


def _field(schema: type[Schema], name: str, asked: Asked) -> Any:
    info, kind, look = schema.model_fields[name], schema.type_of(name), dict(asked.look)
    made: Any = BooleanField
    places: dict[str, Any] = {}
    checks: list[Any] = [
        InputRequired(lazy_gettext(asked.missing)) if asked.missing else Optional()
    ]
    if kind in _NUMBERS:
        made, places, look["inputmode"] = _NUMBERS[kind]
    elif kind is str:
        made = TextAreaField if "rows" in look else StringField
        checks.append(fits(schema, name))
    hint = info.description if asked.hint is None else asked.hint
    return made(
        lazy_gettext(asked.label),
        checks,
        description=lazy_gettext(hint) if hint else "",
        render_kw=look or None,
        **places,
    )
