"""What every schema stands on: the types of members, and one sentence for whatever does not fit.

A member that may be left out has no value then: `given()` returns what was sent, so that a change
leaves the rest as it is.  Null is another matter; a member takes it where its type says so.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from copy import deepcopy
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Annotated, Any, NamedTuple, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    Strict,
    ValidationError,
    WithJsonSchema,
    create_model,
)
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticCustomError

from app.domain.ground import texts
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Json
from app.schemas import glossary

_MOST = 2**63 - 1
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
_RFC3339 = re.compile(
    rf"\d{{4}}-\d\d-\d\dt{_CLOCK}:([0-5]\d|60)(\.\d+)?(z|[+-]{_CLOCK})", re.ASCII | re.IGNORECASE
)


def _whole(given: Any) -> Any:
    """Take 2.0 for 2, as JSON Schema does, and true for no number."""
    if isinstance(given, float) and given.is_integer():
        return int(given)
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    raise PydanticCustomError("type", "no whole number")


def _number(given: Any) -> Any:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise PydanticCustomError("type", "no number")
    return given


def _instant(given: Any) -> datetime:
    if not isinstance(given, str):
        raise PydanticCustomError("type", "no text")
    if not _RFC3339.fullmatch(given) or not _is_day(given[:10]):
        raise PydanticCustomError("format", "no moment")
    try:
        return datetime.fromisoformat(given.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("kept", f"{given[:40]} is no moment that can be kept.") from None


def _is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


Text = Annotated[str, Strict()]
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, BeforeValidator(_whole)]
#: Any number, as it came.
Number = Annotated[float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
#: A number that is taken in exactly as it was written.
Exact = Annotated[
    Decimal,
    PlainValidator(lambda given: Decimal(str(_number(given)))),
    WithJsonSchema({"type": "number"}),
]
#: A moment with its offset, as RFC 3339 writes it; in UTC.
Instant = Annotated[
    datetime,
    PlainValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
#: The number of a row.
RowId = Annotated[Whole, Field(ge=0, le=_MOST)]
#: Numbers of rows, of which each counts once.
RowIds = Annotated[
    list[Annotated[Whole, Field(ge=1, le=_MOST)]],
    Field(max_length=20_000),
    AfterValidator(frozenset),
]


class Asked(NamedTuple):
    """How people are asked for a member: the label and hint of its field, and how this looks.

    Without a `hint` the member's description stands there; `missing` is said of an empty field.
    """

    label: str
    hint: str | None = None
    missing: str | None = None
    look: Mapping[str, Any] = {}


def needed(doc: str = "", asked: Asked | None = None, **bounds: Any) -> Any:
    """Declare a member that must be there."""
    member = Field(description=doc or None, **bounds)
    member.metadata += [asked] if asked else []
    return member


def left_out(doc: str = "", asked: Asked | None = None, **bounds: Any) -> Any:
    """Declare a member that may be left out."""
    return needed(doc, asked, default_factory=lambda: None, **bounds)


S = TypeVar("S", bound="Schema")


class Schema(BaseModel):
    """An object that was sent: its members in their order, and nothing else."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    def __init_subclass__(cls, example: Json | None = None, **given: Any) -> None:
        """Declare a schema, with an example for its readers."""
        if example:
            cls.model_config = {**cls.model_config, "json_schema_extra": {"examples": [example]}}
        super().__init_subclass__(**given)

    @classmethod
    def read(cls: type[S], given: Any) -> S:
        """Read an object of JSON; raises `Invalid` with the first thing that does not fit."""
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise _refusal(cls, error, given) from None

    @classmethod
    def needs(cls) -> list[str]:
        """Name the members that must be there."""
        return [name for name, info in cls.model_fields.items() if info.is_required()]

    @classmethod
    def asked(cls) -> dict[str, Asked]:
        """The members that people are asked for as they are."""
        looks = {name: info.metadata for name, info in cls.model_fields.items()}
        return {
            name: one for name, found in looks.items() for one in found if isinstance(one, Asked)
        }

    @classmethod
    def type_of(cls, member: str) -> Any:
        """The type of a member's values, null aside."""
        of = cls.model_fields[member].annotation
        one = next((one for one in get_args(of) if one is not NoneType), of)
        return getattr(one, "__origin__", one)

    @classmethod
    def longest(cls, member: str) -> int:
        """How many characters a text may have."""
        bounds = cls.model_fields[member].metadata
        return next(int(one.max_length) for one in bounds if hasattr(one, "max_length"))

    @classmethod
    def line(cls, member: str, text: str | None, word: str = "", *, required: bool = False) -> str:
        """Read one line that people typed; `word` is what a sentence calls it."""
        word = word or f"The {member}"
        return texts.line(text, word, cls.longest(member), field=member, required=required)

    @classmethod
    def kept(
        cls,
        given: Mapping[str, Any],
        rules: Mapping[str, Callable[[Any], Any]],
        but: Collection[str] = (),
    ) -> Json:
        """What is given as a row keeps it: by its rule, and without one a text as one line.

        Members of `but` are left to the caller.  Raises `Invalid`.
        """
        if unknown := given.keys() - cls.model_fields.keys():
            raise TypeError(f"{cls.__name__} has no {', '.join(sorted(unknown))}")
        found: Json = {}
        for name in [name for name in cls.model_fields if name in given and name not in but]:
            value = given[name]
            if name in rules:
                value = rules[name](value)
            elif cls.type_of(name) is str:
                value = cls.line(name, value, required=name in cls.needs()) or None
            found[name] = value
        return found

    def given(self) -> Json:
        """Return what was sent, in values of the domain; what was left out is not there."""
        names = [name for name in type(self).model_fields if name in self.model_fields_set]
        return {name: getattr(self, name) for name in names}


class Archived(Schema):
    """Whether a list shows the archive."""

    archived: Flag = left_out()


def changes(
    of: type[Schema],
    doc: str = "What is to be different.",
    *,
    without: Iterable[str] = (),
    example: Json | None = None,
) -> type[Schema]:
    """Make the schema of a change: NewSite becomes SiteChanges, of which all may be left out."""
    members: Json = {}
    for name, info in of.model_fields.items():
        if name not in without:
            info = deepcopy(info)
            info.default_factory = lambda: None
            members[name] = (info.annotation, info)
    name = f"{of.__name__.removeprefix('New')}Changes"
    given = {"example": example}
    return create_model(name, __base__=Schema, __doc__=doc, __cls_kwargs__=given, **members)


def _refusal(schema: type[Schema], error: ValidationError, given: Any) -> Invalid:
    """The first thing that does not fit: what is missing, then as it was sent, then the unknown.

    A single needed member is missed last: so the API has always said it.
    """
    sent = list(given) if isinstance(given, dict) else []
    missing = 0 if len(schema.needs()) > 1 else 3

    def place(one: Any) -> tuple[int, int]:
        first = one["loc"][0] if one["loc"] else None
        if one["type"] == "missing" and len(one["loc"]) == 1:
            return missing, 0
        return (2 if one["type"] == "extra_forbidden" else 1), sent.index(first) if first else 0

    found = min(error.errors(include_url=False), key=place)
    path = ".".join(str(part) for part in found["loc"])[:200]
    if found["type"] == "kept":
        return Invalid(found["msg"], field=path)
    match found["type"]:
        case "missing":
            return Invalid(f"{path} is missing.", field=path)
        case "extra_forbidden":
            return Invalid(f"{path} is not known here.", field=path)
    what = _reason(found, _member(schema, found["loc"]))
    return Invalid(f"{path or 'The body'} {what}.", field=path)


def _member(schema: type[Schema], path: Iterable[str | int]) -> Json:
    """The JSON Schema of the member at a path."""
    found = whole = json_schema(schema)
    for part in path:
        known = found.get("properties", {})
        found = found.get("items", {}) if isinstance(part, int) else known.get(part, {})
        found = whole.get("$defs", {}).get(found.get("$ref", "").rpartition("/")[2], found)
    return found


def _reason(error: Any, member: Json) -> str:
    """What is wrong, without what was sent: that may be a secret."""
    match error["type"], error.get("ctx", {}):
        case "format", _:
            return "must look like 2026-03-02T09:00:00Z"
        case (("enum" | "literal_error"), _) if isinstance(error.get("input"), str):
            words = member.get("enum", [member.get("const")])
            return "must be one of: " + ", ".join(str(word) for word in words if word is not None)
        case _, {"max_length": most}:
            return f"must be at most {most} long"
        case _, {"min_length": least}:
            return f"must be at least {least} long" if least > 1 else "must not be empty"
        case _, {"le": most}:
            return f"must be at most {most}"
        case _, {"ge": least}:
            return f"must be at least {least}"
    of = member.get("type", "object")
    return "must be of type " + " or ".join(sorted([of] if isinstance(of, str) else of))


class _Spelling(GenerateJsonSchema):
    """JSON Schema as it is easiest to read: no titles, words and null where they stand."""

    def generate_inner(self, schema: Any) -> Json:
        """Write one schema; an enumeration's words are not put elsewhere."""
        if schema["type"] == "enum":
            return {"type": "string", "enum": [member.value for member in schema["members"]]}
        found = super().generate_inner(schema)
        for ours, theirs in (("ge", "minimum"), ("le", "maximum")):
            if ours in found:
                found[theirs] = found.pop(ours)
        return {key: part for key, part in found.items() if key != "title"}

    def nullable_schema(self, schema: Any) -> Json:
        """Write a member that may be null."""
        inner = self.generate_inner(schema["schema"])
        if not isinstance(of := inner.get("type"), str):
            return {"anyOf": [inner, {"type": "null"}]}
        words = {"enum": [*inner["enum"], None]} if "enum" in inner else {}
        return {**inner, "type": [of, "null"], **words}

    def field_title_should_be_set(self, schema: Any) -> bool:
        """A member needs no title: it has a name."""
        return False


@cache
def json_schema(schema: type[BaseModel]) -> Json:
    """The JSON Schema (2020-12) of an object; those within it stand under $defs."""
    found = schema.model_json_schema(
        ref_template="#/components/schemas/{model}", schema_generator=_Spelling
    )
    for name, one in ((schema.__name__, found), *found.get("$defs", {}).items()):
        one.pop("title", None)
        one["description"] = " ".join(one["description"].split())
        glossary.explain(name, one.setdefault("properties", {}))
    return found
