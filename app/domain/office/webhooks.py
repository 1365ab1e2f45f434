"""Endpoints of webhooks: where they may be, what they are told of, and the secrets that sign it.

Somebody types their addresses, so each could be meant to reach what only we can reach.  A secret
has to sign, so it cannot be kept as a hash: it is sealed with a key of the installation, and told
once.  For a day after a change both secrets sign.
"""

import base64
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground import texts
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.safe import Safe
from app.domain.ground.texts import IpAddress
from app.domain.ground.vocabulary import Actor, Arguments, WebhookEvent
from app.domain.office import audit
from app.models import WebhookEndpoint
from app.schemas.office import NewWebhook

#: Networks whose addresses hold others within them, or lead back here, however public they look.
_LEAD_ELSEWHERE = tuple(
    ipaddress.ip_network(network)
    for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where may be sent to besides public addresses, and whether without TLS."""

    networks: tuple[str, ...] = ()
    plain_http: bool = False

    def allows(self, address: IpAddress) -> bool:
        """Tell whether an address may be used."""
        if any(address in ipaddress.ip_network(network) for network in self.networks):
            return True
        hidden = any(address in network for network in _LEAD_ELSEWHERE)
        odd = address.is_multicast or address.is_reserved or address.is_unspecified
        return address.is_global and not odd and not hidden


def parts(url: str, reach: Reach) -> SplitResult:
    """Take an address apart; raises `Invalid` for what is none that may be used."""
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError:
        raise _refusal("This is not an address.") from None
    if found.scheme != "https" and not (found.scheme == "http" and reach.plain_http):
        raise _refusal("The address must begin with https://.")
    if not found.hostname or found.username or found.password or found.fragment or port == 0:
        raise _refusal("The address must be a host and a path, without a user or a fragment.")
    if not url.isascii() or any(char <= " " or char == "\x7f" for char in url):
        raise _refusal("The address may hold plain characters only.")
    return found


def _refusal(sentence: str) -> Invalid:
    return Invalid(sentence, field="url")


#: What a secret begins with (Standard Webhooks), and the bytes that follow.
PREFIX, BYTES = "whsec_", 32
#: After a change the old secret signs beside the new one for so long.
BOTH_FOR = timedelta(days=1)
#: Endpoints of one tenant.
MOST = 50


@dataclass(frozen=True, slots=True)
class Means:
    """What the installation gives for webhooks: its safe, and how far they may reach."""

    safe: Safe
    reach: Reach


def add(
    db: Session, actor: Actor, tenant_id: int, means: Means, *, now: datetime, **given: Any
) -> tuple[WebhookEndpoint, str]:
    """Add an endpoint of what `NewWebhook` names; returns it with its secret, told this once.

    Raises `Invalid`, `Taken`, or `Conflict` when there are too many.
    """
    of_tenant = select(WebhookEndpoint.id).where(
        WebhookEndpoint.tenant_id == tenant_id, WebhookEndpoint.archived_at.is_(None)
    )
    if len(db.scalars(of_tenant).all()) >= MOST:
        raise Conflict(f"There are {MOST} webhooks already.")
    secret = _made()
    endpoint = WebhookEndpoint(
        tenant_id=tenant_id, secret=means.safe.seal(secret), events={}, created_at=now
    )
    _apply(db, endpoint, {"name": "", "url": "", "events": (), **given}, means, now)
    audit.added(db, actor, "webhook.add", endpoint, now=now)
    return endpoint, secret


def edit(
    db: Session,
    actor: Actor,
    endpoint: WebhookEndpoint,
    means: Means,
    *,
    now: datetime,
    **given: Any,
) -> WebhookEndpoint:
    """Change what is given and leave the rest; raises `Invalid` or `Taken`."""
    with audit.edited(db, actor, "webhook.edit", endpoint, now=now):
        _apply(db, endpoint, given, means, now)
    return endpoint


def rotate(
    db: Session, actor: Actor, endpoint: WebhookEndpoint, means: Means, *, now: datetime
) -> str:
    """Give an endpoint a new secret and return it; the old one signs for another day."""
    secret = _made()
    endpoint.old_secret, endpoint.old_secret_until = endpoint.secret, now + BOTH_FOR
    endpoint.secret = means.safe.seal(secret)
    db.flush()
    audit.remark(db, actor, "webhook.rotate", endpoint, now=now)
    return secret


def enable(db: Session, actor: Actor, endpoint: WebhookEndpoint, *, now: datetime) -> None:
    """Send again; what happened meanwhile is not made up for."""
    audit.change(
        db, actor, "webhook.enable", endpoint, now=now,
        disabled_at=None, disabled_why=None, failing_since=None, retry_at=None,
        events=_from_now_on(endpoint, now),
    )  # fmt: skip


def disable(db: Session, actor: Actor, endpoint: WebhookEndpoint, *, now: datetime) -> None:
    """Send nothing for the time being."""
    if endpoint.disabled_at is None:
        audit.change(db, actor, "webhook.disable", endpoint, now=now, disabled_at=now)


#: Puts an endpoint away: nothing is sent there any more.
archive = partial(audit.archive, kind="webhook")


def restore(db: Session, actor: Actor, endpoint: WebhookEndpoint, *, now: datetime) -> None:
    """Take an endpoint out of the archive; what happened meanwhile is not made up for."""
    heard = {"events": _from_now_on(endpoint, now), "archived_at": None}
    audit.change(db, actor, "webhook.restore", endpoint, now=now, **heard)


named = texts.finder(WebhookEndpoint, "webhook")


class Signer(NamedTuple):
    """A secret that signs, until when (None: for good)."""

    secret: str
    until: datetime | None = None


def signers(endpoint: WebhookEndpoint, safe: Safe) -> list[Signer]:
    """The secrets of an endpoint; raises `Conflict` where they cannot be read."""
    found = [Signer(safe.opened(endpoint.secret))]
    if endpoint.old_secret and endpoint.old_secret_until:
        found.append(Signer(safe.opened(endpoint.old_secret), endpoint.old_secret_until))
    return found


def headers(
    signed_by: Iterable[Signer], message_id: str, body: bytes, *, now: datetime
) -> dict[str, str]:
    """What a delivery is sent with: its id, its time, and a signature by each secret in force."""
    stamp = str(int(now.timestamp()))
    signed = f"{message_id}.{stamp}.".encode() + body
    in_force = [one.secret for one in signed_by if one.until is None or one.until > now]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Ampdesk",
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(_signature(secret, signed) for secret in in_force),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _made() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode()


def _apply(
    db: Session, endpoint: WebhookEndpoint, given: Arguments, means: Means, now: datetime
) -> None:
    if "name" in given:
        name = NewWebhook.line("name", given["name"], required=True)
        texts.rename(db, endpoint, name, f"There is a webhook called {name} already.")
    if "url" in given:
        url = NewWebhook.line("url", given["url"], "The address", required=True)
        parts(url, means.reach)
        endpoint.url = url
    if "events" in given:
        # Of a kind that is new it is told from now on, not of all that ever happened.
        held = endpoint.events
        endpoint.events = {
            word: held.get(word, now.isoformat()) for word in _events(given["events"])
        }


def _from_now_on(endpoint: WebhookEndpoint, now: datetime) -> dict[str, str]:
    return dict.fromkeys(endpoint.events, now.isoformat())


def _events(words: Iterable[Any]) -> list[str]:
    try:
        wanted = {WebhookEvent(word) for word in words}
    except ValueError:
        known = ", ".join(WebhookEvent)
        raise Invalid(f"A webhook is told of: {known}.", field="events") from None
    if not wanted:
        raise Invalid("Choose at least one event.", field="events")
    return [event.value for event in WebhookEvent if event in wanted]
