"""What happens, as it happens: a stream of typed events."""

from typing import Any

from flask import Response, current_app, request

from app.api.ground._access import Caller
from app.api.ground._endpoint import File
from app.api.ground._noun import Ask, Noun
from app.api.office._streams import AREAS, Stream, Streams
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Json, Right
from app.queries.office import heard
from app.schemas import office as schemas
from app.schemas.base import json_schema
from app.schemas.told import HEARD
from app.web.problems import Problem

noun = Noun("events", "What happens, as it happens.")

_REF = "#/components/schemas/{}"


def _forms() -> Json:
    """What the `data` of each kind of event looks like, by name."""
    found: dict[str, Json] = {}
    mapping = {}
    for kind, told in HEARD.items():
        name = "".join(part.title() for part in kind.split(".")) + "Event"
        mapping[kind] = _REF.format(name)
        found[told.__name__] = json_schema(told)
        found[name] = {
            "type": "object",
            "description": f"An event: {kind}.",
            "properties": {
                "type": {"type": "string", "enum": [kind], "description": "What happened."},
                "timestamp": {
                    "type": "string",
                    "format": "date-time",
                    "description": "When it was known here.",
                },
                "data": {"$ref": _REF.format(told.__name__), "description": "What it is about."},
            },
            "required": ["type", "timestamp", "data"],
            "additionalProperties": False,
        }
    found["Event"] = {
        "description": "What a stream or a webhook is told.",
        "oneOf": [{"$ref": address} for address in mapping.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    return found


@noun.get(
    "/events",
    "Hear what happens",
    query=schemas.EventsAsked,
    answers={
        200: File(
            "text/event-stream",
            "Server-sent events; the data of each is an Event.",
            {
                "contentMediaType": "application/json",
                "contentSchema": {"$ref": _REF.format("Event")},
            },
        )
    },
    forms=_forms(),
)
def stream(ask: Ask) -> Response:
    """A stream of server-sent events, which goes on until either side ends it.

    Each has an `id`; sent as Last-Event-ID within 15 minutes nothing is lost, and what happened in
    the minute before may come again with the same id. Where more is lost an event `gap` says so.
    `session.progress` says where a session stands and is not repeated. A comment comes every 15
    seconds. The stream ends when its token is revoked or its rights change.
    """
    app: Any = current_app._get_current_object()  # type: ignore[attr-defined]
    streams: Streams = app.extensions.setdefault("events", Streams(app))
    secret = request.headers["Authorization"].partition(" ")[2].strip()
    one = Stream(
        ask.caller, secret, _kinds(ask.caller, ask.query.get("kinds")), ask.query.get("station_id")
    )
    if after := request.headers.get("Last-Event-ID") or ask.query.get("after"):
        one.resumed = heard.when(after)
        if one.resumed is None:
            raise Invalid("This is not the id of an event.", field="after")
    streams.join(one)
    answer = Response(
        streams.events(one, ask.query.get("seconds")),
        mimetype="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
    answer.call_on_close(lambda: streams.leave(one))
    return answer


def _kinds(caller: Caller, text: str | None) -> frozenset[str]:
    """The kinds that are wanted; without any, all that the token may hear of."""
    wanted = {part.strip() for part in (text or "").split(",")} - {""}
    if unknown := sorted(wanted - set(HEARD)):
        known = ", ".join(HEARD)
        raise Invalid(f"There is no kind {unknown[0][:40]}. Known: {known}.", field="kinds")
    may = {kind for kind in HEARD if caller.may(AREAS[kind.partition(".")[0]], Right.READ)}
    if wanted - may:
        right = f"{AREAS[min(wanted - may).partition('.')[0]]}:{Right.READ}"
        sentence = f"This needs the right {right}, which the token does not have."
        raise Problem(403, sentence, right=right)
    return frozenset(wanted or may)
