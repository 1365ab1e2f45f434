"""Nouns: a file of this package makes one and hangs its endpoints on it, with what each answers."""

import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from flask import Blueprint, Response, g, request
from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.api.ground import _access, _checks, _keys, _paging
from app.api.ground._access import Caller
from app.api.ground._endpoint import ENDPOINTS, NOUNS, READ, ROOT, Answers, Endpoint, File
from app.api.ground._paging import Page, Pages
from app.domain.ground.errors import DomainError, Invalid, NotFound
from app.domain.ground.vocabulary import Actor, Json, Right
from app.domain.office import sent_forms
from app.extensions import db as flask_db
from app.process.clock import utc_now
from app.schemas.answers import Answer
from app.schemas.base import Schema
from app.uow import unit_of_work
from app.web.problems import SENTENCES, Problem, json_text

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer other than the usual one."""

    status: int
    value: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def made_at(place: str, row: Any, status: int = 201) -> Reply:
    """Answer with a row that was made, and where it is: its number below `place`."""
    return Reply(status, row, {"Location": f"{ROOT}{place}/{row.id}"})


@dataclass(frozen=True, slots=True)
class Ask:
    """One request that was let in: who asks, when, and what was sent."""

    caller: Caller
    now: datetime
    query: dict[str, Any]
    body: dict[str, Any]

    @property
    def actor(self) -> Actor:
        """Who did it, for the audit."""
        return self.caller.actor

    @property
    def tenant_id(self) -> int:
        """Whose network it is."""
        return self.caller.tenant_id

    @property
    def db(self) -> Session:
        """The database, narrowed to what the caller may see; for reading."""
        return flask_db.session()

    def get(self, model: type[Row], number: int, noun: str, *, field: str | None = None) -> Row:
        """Return a row in reach; raises `Problem`: 404, or 422 where a `field` speaks of it."""
        row = self.db.get(model, number) if number < 2**63 else None
        if row is None:
            raise Problem(422 if field else 404, f"There is no such {noun}.", field=field)
        return row

    def page(self, query: Select[Any], key: Any, *, newest: bool = True) -> Page:
        """Return the page that was asked for."""
        return _paging.page(self.db, query, key, self.query, newest=newest)


#: Completes a row before it is told, or makes what is told of it.
Seen = Callable[[Ask, Any], object]


def finds(model: type[Row], noun: str) -> Callable[..., Row]:
    """What returns the row of the last number in an address; raises `Problem` 404."""

    def find(ask: Ask, number: int = 0, /, **path: int) -> Row:
        return ask.get(model, [number, *path.values()][-1], noun)

    return find


class Noun:
    """A group of endpoints with its blueprint; GET needs the right `reads`, the others to write.

    `everywhere` keeps out of all of them whoever may not see all sites.
    """

    def __init__(
        self, name: str, doc: str, *, reads: str = "read", everywhere: bool = False
    ) -> None:
        self.name, self.reads, self.everywhere = name, reads, everywhere
        self.blueprint = Blueprint(f"api_{name}", __name__)
        self.blueprint.after_request(_headers)
        NOUNS[name] = doc

    def get(self, path: str, summary: str, **given: Any) -> Callable[..., Any]:
        """Hang a GET endpoint on this noun."""
        return self._add("GET", path, summary, **given)

    def post(self, path: str, summary: str, **given: Any) -> Callable[..., Any]:
        """Hang a POST endpoint on this noun; it knows idempotency keys."""
        return self._add("POST", path, summary, **given)

    def show(
        self,
        path: str,
        summary: str,
        doc: str,
        answer: type[Answer],
        find: Callable[..., Any],
        *,
        name: str = "show",
        seen: Seen = lambda ask, row: row,
        **given: Any,
    ) -> None:
        """Hang a GET of the one row that `find` returns, completed by `seen`."""

        def show(ask: Ask, **path: int) -> object:
            return seen(ask, find(ask, **path))

        show.__name__, show.__doc__ = name, doc
        self.get(path, summary, answers={200: answer}, **given)(show)

    def decide(
        self,
        path: str,
        summary: str,
        doc: str,
        answer: type[Answer] | None,
        find: Callable[..., Any],
        act: Callable[..., Any],
        *,
        name: str = "",
        method: str = "POST",
        seen: Seen = lambda ask, row: row,
        result: bool = False,
        makes: str = "",
        status: int = 0,
        **given: Any,
    ) -> None:
        """Hang a POST that does one thing to one row: `find` it, `act`, and answer with it.

        The last word of the path names the endpoint, or `name`; what is sent goes to `act` by name;
        `seen` completes the row before it is told.  The answer is the `result` of the act instead
        where that is said, or where it `makes` a row, which is then below this address.  The header
        If-Match may say how the row was when it was read, at the address above that of a POST.
        """

        compared = path.rpartition("/")[0] if method == "POST" else path

        def decide(ask: Ask, **path: int) -> object:
            row = find(ask, **path)
            with unit_of_work() as db:
                _refuse_changed(db, compared, ask, path, row)
                made = act(db, ask.actor, row, now=ask.now, **ask.body)
            told = seen(ask, made if makes or result else row)
            return made_at(makes, told, status) if makes else told

        status = status or (201 if makes else 200)
        decide.__name__, decide.__doc__ = name or path.rpartition("/")[2], doc
        given |= {"answers": {status: answer}, "compared": compared}
        self._add(method, path, summary, **given)(decide)

    def _add(
        self,
        method: str,
        path: str,
        summary: str,
        *,
        right: str = "",
        answers: Answers,
        query: type[Schema] = Schema,
        body: type[Schema] | None = None,
        problems: tuple[int, ...] = (),
        everywhere: bool = False,
        secret: bool = False,
        forms: Json | None = None,
        file: str = "",
        compared: str = "",
    ) -> Callable[..., Any]:
        def hang(view: Callable[..., Any]) -> Callable[..., Any]:
            paged = any(isinstance(answer, Pages) for answer in answers.values())
            endpoint = Endpoint(
                self.name,
                view.__name__.rstrip("_"),
                method,
                path,
                Right(right or (self.reads if method == "GET" else "write")),
                summary,
                " ".join((view.__doc__ or "").split()),
                _paging.paged(query) if paged else query,
                body,
                answers,
                problems,
                everywhere or self.everywhere,
                secret,
                forms or {},
                file,
                compared,
            )
            ENDPOINTS.append(endpoint)
            if method == "GET" and not any(
                isinstance(one, Pages | File) for one in answers.values()
            ):
                READ[path] = endpoint, view
            self._route(endpoint, view)
            return view

        return hang

    def _route(self, endpoint: Endpoint, view: Callable[..., Any]) -> None:
        @functools.wraps(view)
        def guarded(**path: Any) -> Response:
            return _serve(endpoint, view, path)

        guarded.needs_right = endpoint.right  # type: ignore[attr-defined]
        guarded.needs_everywhere = endpoint.everywhere  # type: ignore[attr-defined]
        self.blueprint.add_url_rule(
            endpoint.rule,
            endpoint.name,
            guarded,
            methods=[endpoint.method],
            provide_automatic_options=False,
            merge_slashes=False,
        )


def _serve(endpoint: Endpoint, view: Callable[..., Any], path: dict[str, Any]) -> Response:
    """Let in, check, do, answer."""
    now = utc_now()
    caller = _access.admit(endpoint.right, everywhere=endpoint.everywhere, now=now)
    asked = _checks.query(endpoint.query)
    given, raw = _checks.body(endpoint.body, endpoint.file)
    ask = Ask(caller, now, asked, given)
    if request.if_match and endpoint.method != "GET" and endpoint.compared not in READ:
        sentence = "Nothing is read here that could have changed: leave out If-Match."
        raise Problem(422, sentence, field="If-Match")

    def answer() -> Response:
        try:
            return _written(endpoint, view(ask, **path))
        except (DomainError, Problem) as refusal:
            refusal.field = _checks.place(refusal.field, endpoint.takes, {**asked, **given})
            if isinstance(refusal, NotFound) and refusal.field:
                raise Invalid(refusal.sentence, field=refusal.field) from None
            raise

    if endpoint.method == "POST":
        return _keys.once(caller, raw, answer, secret=endpoint.secret, now=now)
    response = answer()
    if endpoint.path in READ and response.is_json:
        response.set_etag(_mark(response.get_data()))
        if endpoint.method == "GET":
            response.make_conditional(request)
    return response


def _mark(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]


def _refuse_changed(db: Session, address: str, ask: Ask, path: Mapping[str, int], row: Any) -> None:
    """Refuse to change what is no longer as its sender read it: the header If-Match says how.

    From then on nobody else may change it until this is written.  A weak mark is as good as a
    strong one: proxies make it of ours when they pack an answer.
    """
    wanted = request.if_match
    if not wanted or wanted.star_tag or address not in READ:
        return
    sent_forms.lock(db, row)
    reading, view = READ[address]
    if not wanted.contains_weak(_mark(_written(reading, view(ask, **path)).get_data())):
        raise Problem(412, SENTENCES[412])


def _written(endpoint: Endpoint, value: Any) -> Response:
    if isinstance(value, Response):
        return value
    reply = value if isinstance(value, Reply) else Reply(next(iter(endpoint.answers)), value)
    shape = endpoint.answers[reply.status]
    if shape is None or isinstance(shape, File):
        return Response(reply.value, reply.status, headers=dict(reply.headers))
    body = json_text(shape.write(reply.value))
    response = Response(body, reply.status, dict(reply.headers), mimetype="application/json")
    if isinstance(reply.value, Page) and reply.value.next:
        response.headers["Link"] = f'<{reply.value.next}>; rel="next"'
    return response


def _headers(response: Response) -> Response:
    """Say how many requests are left, while there is a limit."""
    response.headers["Vary"] = "Authorization"
    if "rate" not in g or not request.path.startswith(ROOT):
        if response.status_code == 429:  # too many tokens that do not work
            response.headers["Retry-After"] = "60"
        return response
    amount, standing = g.rate
    wait_s = max(1, int(standing.resets_at - utc_now().timestamp()))
    response.headers["RateLimit-Limit"] = str(amount)
    response.headers["RateLimit-Remaining"] = str(max(0, amount - standing.count))
    response.headers["RateLimit-Reset"] = str(wait_s)
    if response.status_code == 429:
        response.headers["Retry-After"] = str(wait_s)
    return response
