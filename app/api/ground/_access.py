"""Who calls: the bearer token, how often it may, and what its person may do and see."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from flask import g, request

from app.domain.ground import texts
from app.domain.ground.vocabulary import Actor, Area, Right
from app.domain.office import api_tokens, rights
from app.domain.office.api_tokens import Holder
from app.domain.office.rights import Rights
from app.domain.office.sign_ins import digest
from app.extensions import db as flask_db
from app.extensions import login, the_settings
from app.uow import unit_of_work
from app.web import areas, doorkeeper, scope
from app.web.doorkeeper import share
from app.web.problems import SENTENCES, Problem
from app.web.scope import Scope

#: A longer Authorization header holds no token of ours.
_LONGEST = 200
#: Refused tokens of one address; those that have worked here are never held up by it.
_GUESSES = "60/minute"
_MOST_KNOWN = 2000
_known: OrderedDict[str, None] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Caller:
    """A program with a working token; it acts as the member of staff whose token it is."""

    token_id: int
    user_id: int
    name: str
    rights: Rights
    scope: Scope
    of_fewer_sites: bool

    @property
    def tenant_id(self) -> int:
        """Whose network it is."""
        return self.scope.tenant_id

    @property
    def actor(self) -> Actor:
        """Who did it, for the audit."""
        return Actor(self.name, self.user_id, request.remote_addr, self.token_id, self.rights)

    def may(self, area: Area | None, right: Right) -> bool:
        """Tell whether the token has this right."""
        return rights.may(self.rights, area, right)

    def refuse_some_sites(self) -> None:
        """Raise `Problem` 403 where not all sites are within reach."""
        if self.scope.site_ids is not None:
            raise Problem(403, "This concerns all sites; the token is limited to some of them.")


def admit(right: Right, *, everywhere: bool, now: datetime) -> Caller:
    """Let a program in and narrow the database session to what its person may see.

    Raises `Problem`: 401 without a working token, 429 too often, or for too many guesses,
    403 without the right in the address's area.
    """
    # A cookie counts for nothing here, and neither does the reach of whoever it names.
    g._login_user = login.anonymous_user()
    scope.narrow(flask_db.session(), None)
    holder = _holder(now)
    reach = Scope(holder.tenant_id, holder.site_ids)
    name = f"{holder.user_name} ({holder.name})"[:120]
    caller = Caller(
        holder.token_id, holder.user_id, name, holder.rights, reach, holder.of_fewer_sites
    )
    scope.narrow(flask_db.session(), reach)
    if api_tokens.is_stale(holder, now=now):
        _touch(holder.token_id, now)
    _count(holder.token_id, now)
    area = areas.of(request.endpoint)
    if not caller.may(area, right):
        sentence = f"This needs the right {area}: {right}, which the token does not have."
        raise Problem(403, sentence, right=f"{area}:{right}")
    if everywhere:
        caller.refuse_some_sites()
    return caller


def _holder(now: datetime) -> Holder:
    header = request.headers.get("Authorization", "")
    scheme, _, secret = header.partition(" ")
    if not header:
        raise Problem(401, "Send a token: Authorization: Bearer <token>.")
    if scheme.lower() != "bearer" or not secret.strip() or len(secret) > _LONGEST:
        raise Problem(401, "The Authorization header holds no bearer token.")
    mark = digest(secret.strip())
    guess = [share(_GUESSES, "token from", texts.household(request.remote_addr))]
    limited = bool(_rate()) and mark not in _known
    if limited and not doorkeeper.spend(guess):
        raise Problem(429, "Too many tokens that do not work came from this address.")
    found = api_tokens.find(flask_db.session(), secret.strip(), now=now)
    if found is None:
        _known.pop(mark, None)
        raise Problem(401, "This token does not work: it is wrong, revoked or too old.")
    if limited:
        doorkeeper.give_back(guess)
    _remember(mark)
    return found


def _remember(mark: str) -> None:
    _known[mark] = None
    while len(_known) > _MOST_KNOWN:
        _known.popitem(last=False)


def _touch(token_id: int, now: datetime) -> None:
    with unit_of_work() as db:
        api_tokens.touch(api_tokens.get(db, token_id), now=now)


def _rate() -> str:
    return str(the_settings().api_rate)


def _count(token_id: int, now: datetime) -> None:
    """Count this request; raises `Problem` 429."""
    rate = _rate()
    if not rate:
        return
    one = share(rate, "api token", token_id)
    standing = doorkeeper.count(one, now.timestamp())
    g.rate = (one.item.amount, standing)
    if standing.count > one.item.amount:
        raise Problem(429, SENTENCES[429])
