"""What is sent is read by its schema; the first thing that does not fit is said in a sentence."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

import pytest

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import TagStatus
from app.schemas.answers import Answer, read
from app.schemas.base import (
    Exact,
    Flag,
    Instant,
    RowIds,
    Schema,
    Text,
    Whole,
    changes,
    json_schema,
    left_out,
    needed,
)


class NewThing(Schema, example={"name": "a"}):
    """A thing."""

    name: Text = needed("What it is called.", min_length=1, max_length=5)
    size: Whole | None = left_out(ge=0, le=9)
    price: Exact = left_out()
    status: TagStatus = left_out()
    unit: Literal["A", "W"] | None = left_out()
    since: Instant = left_out()
    open: Flag = left_out()
    site_ids: RowIds = left_out()


ThingChanges = changes(NewThing, without=("open",))


def test_what_was_sent_becomes_values_of_the_domain():
    sent = {"name": "a", "size": 2.0, "price": 12.1, "status": "blocked", "site_ids": [1, 2, 1]}
    assert NewThing.read({**sent, "since": "2026-03-02T10:00:00+01:00"}).given() == {
        "name": "a",
        "size": 2,
        "price": Decimal("12.1"),
        "status": TagStatus.BLOCKED,
        "since": datetime(2026, 3, 2, 9, tzinfo=UTC),
        "site_ids": frozenset({1, 2}),
    }


def test_a_change_tells_null_from_what_was_left_out():
    assert ThingChanges.read({"size": None}).given() == {"size": None}
    assert ThingChanges.read({}).given() == {}


@pytest.mark.parametrize(
    ("sent", "field", "sentence"),
    [
        ({}, "name", "name is missing."),
        ({"name": "a", "nonsense": 1}, "nonsense", "nonsense is not known here."),
        ({"name": 5}, "name", "name must be of type string."),
        ({"name": ""}, "name", "name must not be empty."),
        ({"name": "abcdef"}, "name", "name must be at most 5 long."),
        ({"name": "a", "size": True}, "size", "size must be of type integer or null."),
        ({"name": "a", "size": 1.5}, "size", "size must be of type integer or null."),
        ({"name": "a", "size": 10}, "size", "size must be at most 9."),
        ({"name": "a", "size": -1}, "size", "size must be at least 0."),
        ({"name": "a", "price": "1"}, "price", "price must be of type number."),
        ({"name": "a", "status": "x"}, "status", "status must be one of: active, blocked."),
        ({"name": "a", "status": None}, "status", "status must be of type string."),
        ({"name": "a", "unit": "V"}, "unit", "unit must be one of: A, W."),
        ({"name": "a", "since": "now"}, "since", "since must look like 2026-03-02T09:00:00Z."),
        ({"name": "a", "open": 1}, "open", "open must be of type boolean."),
        ({"name": "a", "site_ids": 1}, "site_ids", "site_ids must be of type array."),
        ({"name": "a", "site_ids": [1, 0]}, "site_ids.1", "site_ids.1 must be at least 1."),
        ({"size": -1, "name": 5}, "size", "size must be at least 0."),
        ([], "", "The body must be of type object."),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(sent, field, sentence):
    with pytest.raises(Invalid) as refused:
        NewThing.read(sent)
    assert (refused.value.field, refused.value.sentence) == (field, sentence)


def test_no_sentence_repeats_what_was_sent():
    for name in ("name", "size", "price", "status", "unit", "since", "open", "site_ids"):
        with pytest.raises(Invalid) as refused:
            NewThing.read({"name": "a", name: ["hush-hush"] * 9})
        assert "hush" not in refused.value.sentence
        assert refused.value.__cause__ is None


def test_the_document_shows_words_bounds_and_null_in_place():
    found = json_schema(NewThing)
    assert found["required"] == ["name"] and found["examples"] == [{"name": "a"}]
    assert found["properties"]["size"] == {"type": ["integer", "null"], "minimum": 0, "maximum": 9}
    unit, status = found["properties"]["unit"], found["properties"]["status"]
    assert unit.pop("description") and status.pop("description")  # the glossary's
    assert unit == {"type": ["string", "null"], "enum": ["A", "W", None]}
    assert status == {"type": "string", "enum": ["active", "blocked"]}
    assert "required" not in json_schema(ThingChanges)
    assert "open" not in json_schema(ThingChanges)["properties"]


def test_an_answer_is_read_off_a_row_and_what_it_holds():
    class Plug(Answer):
        number: int

    class Depot(Answer):
        plugs: list[Plug]
        first: Plug | None
        since: Instant
        doubled: read(int, lambda row: row["number"] * 2)  # type: ignore[valid-type]

    row = {
        "plugs": [{"number": 1}],
        "first": None,
        "since": datetime(2026, 3, 2, 9, tzinfo=UTC),
        "number": 3,
    }
    assert Depot.write(row) == {
        "plugs": [{"number": 1}],
        "first": None,
        "since": "2026-03-02T09:00:00Z",
        "doubled": 6,
    }
