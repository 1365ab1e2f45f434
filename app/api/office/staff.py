"""Staff: who may use the desk and how far they reach, their sign-ins and API tokens."""

from datetime import datetime
from typing import Annotated, Any

from sqlalchemy.orm import Session, joinedload

from app.api.ground import _lists, _rows
from app.api.ground._noun import Ask, Noun, Reply, made_at
from app.api.ground._plain import Plain
from app.domain.ground import texts
from app.domain.ground.vocabulary import Actor
from app.domain.office import api_tokens, second_factor, sign_ins, staff, ways_in
from app.models import ApiToken, SignIn, User
from app.queries.office import staff as queries
from app.resource import STAFF
from app.schemas import staff as schemas
from app.schemas.answers import Answer, From, read
from app.uow import unit_of_work
from app.web import way_in

noun = Noun(
    "staff",
    "Members of staff, their sign-ins and API tokens; for staff of all sites.",
    reads="write",
    everywhere=True,
)

PERSON = _rows.answer(
    "Person",
    "A member of staff. No `site_ids`: of all sites.",
    User,
    without=("email_key", "oidc_issuer", "oidc_subject", "own_role_id"),
    role=read(str, lambda row: row.role_name, "admin, operator, viewer, or a role of one’s own."),
    site_ids=read(list[int], lambda row: [site.id for site in row.sites]),
)
SIGN_IN = _rows.answer(
    "SignIn", "A browser in which somebody is at the desk.", SignIn, without=("token_hash",)
)
TOKEN = _rows.answer(
    "ApiToken",
    "A key of a program; `hint` is its beginning. It acts as its member of staff.",
    ApiToken,
    without=("token_hash",),
    user_name=read(str, lambda row: row.user.name),
    role=read(str, lambda row: row.user.role_name),
)


class Invited(PERSON):  # type: ignore[misc,valid-type]
    """A member of staff and the link to choose a password, which is told this once."""

    link: Annotated[str, From(lambda row: row.link)]


class Issued(TOKEN):  # type: ignore[misc,valid-type]
    """A new token; `token` is told this once."""

    token: Annotated[str, From(lambda row: row.secret)]


class Ended(Answer):
    """How many sign-ins were ended."""

    count: int


def _token(ask: Ask, token_id: int) -> ApiToken:
    return api_tokens.get(ask.db, token_id)


plain = Plain(noun, STAFF, PERSON)
plain.list(
    "The members of staff, in the order in which they were added.",
    schemas.People,
    {"email": lambda email: User.email_key == texts.key(email), "role": queries.of_role},
    "List staff",
)
plain.show("One member of staff.")


@noun.post(
    "/staff",
    "Invite a member of staff",
    body=schemas.NewPerson,
    answers={201: Invited},
    secret=True,
)
def create(ask: Ask) -> object:
    """Add a member of staff; a mail brings them the link to choose a password."""
    with unit_of_work() as db:
        user: Any = staff.create(db, ask.actor, tenant_id=ask.tenant_id, now=ask.now, **ask.body)
        user.link = way_in.invite(db, ask.actor, user, ask.now)
    return made_at("/staff", user)


plain.edit(
    "Change what is given; another role or reach ends every sign-in of theirs.",
    schemas.PersonChanges,
)
plain.archive(
    "Sign them out everywhere and let them in no more; their tokens stop, history stays.",
    verb="deactivate",
)
plain.restore("Let a deactivated member of staff sign in again.")


def _invite(db: Session, actor: Actor, user: Any, *, now: datetime) -> None:
    user.link = way_in.invite(db, actor, user, now)


noun.decide(
    "/staff/{user_id}/invite",
    "Invite a member of staff again",
    "Mail a new link to choose a password.",
    *(Invited, plain.row, _invite),
    secret=True,
)
_lists.hang(
    *(noun, "/staff/{user_id}/sign-ins", "List a person’s sign-ins"),
    "Every sign-in that was not ended, the newest first; after `expires_at` it counts no more.",
    *(SignIn, SIGN_IN),
    name="sign_ins",
    of=(SignIn.user_id, plain.row),
    among=[SignIn.ended_at.is_(None)],
)
noun.decide(
    "/staff/{user_id}/sign-ins/end",
    "End a person’s sign-ins",
    "Sign a member of staff out everywhere.",
    *(Ended, plain.row),
    lambda *who, now: {"count": sign_ins.sign_out_everywhere(*who, now=now)},
    name="end_sign_ins",
    result=True,
)
noun.decide(
    "/staff/{user_id}/withdraw",
    "Withdraw an invitation",
    "Make the links of somebody useless who never came in, and put them away.",
    *(PERSON, plain.row, ways_in.withdraw),
    problems=(409,),
)
noun.decide(
    "/staff/{user_id}/reset-second-factor",
    "Reset a second factor",
    "Take away app, recovery codes and passkeys of somebody who lost them; ends every sign-in.",
    *(PERSON, plain.row, second_factor.reset),
    problems=(409,),
)
_lists.hang(
    *(noun, "/tokens", "List API tokens"),
    "Everybody’s tokens, the newest first; no secret is told.",
    *(ApiToken, TOKEN),
    name="tokens",
    asked=schemas.ApiTokens,
    options=[joinedload(ApiToken.user)],
    ways={"revoked": lambda is_: ApiToken.revoked_at.is_not(None) == is_},
)


@noun.post(
    "/tokens",
    "Make an API token",
    body=schemas.NewApiToken,
    answers={201: Issued},
    secret=True,
)
def issue(ask: Ask) -> object:
    """Make a token that acts as a member of staff; it is in this answer and nowhere else."""
    given = dict(ask.body)
    number = given.pop("user_id", ask.caller.user_id)
    user = ask.get(User, number, "member of staff", field="user_id")
    with unit_of_work() as db:
        given["scope"] = given.pop("rights", None)
        made: tuple[Any, str] = api_tokens.issue(db, ask.actor, user, now=ask.now, **given)
    made[0].secret = made[1]
    return Reply(201, made[0])


noun.decide(
    "/tokens/{token_id}/revoke",
    "Revoke an API token",
    "Make a token useless from now on.",
    *(TOKEN, _token, api_tokens.revoke),
)
