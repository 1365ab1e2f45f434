"""Staff: who may sign in, with what role and reach; their sign-ins, tokens and lists; the audit."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import Json, Role, SignInWay
from app.models.base import Base, BigId, Id, Name, TenantOwned, Word, choice

if TYPE_CHECKING:
    from app.models.sites import Site, Tenant

user_sites = Table(
    "user_sites",
    Base.metadata,
    Column("user_id", BigId, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("site_id", BigId, ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True),
)


class OwnRole(TenantOwned, Base):
    """A role that an organisation made: `rights` holds area -> read or write."""

    __tablename__ = "roles"
    __table_args__ = (UniqueConstraint("tenant_id", "name_key"),)

    id: Mapped[Id]
    name: Mapped[Name]
    name_key: Mapped[Name]
    rights: Mapped[Json]
    created_at: Mapped[datetime]


class User(TenantOwned, Base):
    """A member of staff.  No `sites` means: all of the tenant's.

    `totp_secret` is sealed, and only wanted at sign-in once `totp_since` says that a code of it
    was right; `totp_step` is the last step whose code was used.  `oidc_issuer` and `oidc_subject`
    name the person at the provider of an organisation's sign-ins.
    With an `owner` it is a machine: it has tokens, and nobody signs in as it.
    """

    __tablename__ = "users"
    __table_args__ = (Index("uq_users_oidc", "oidc_issuer", "oidc_subject", unique=True),)

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[Name]
    password_hash: Mapped[str | None] = mapped_column(String(300))
    role: Mapped[Role] = mapped_column(choice(Role))
    own_role_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("roles.id"))
    owner_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id"))
    timezone: Mapped[str | None] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(8), default="en")
    formats: Mapped[str | None] = mapped_column(String(10))
    theme: Mapped[str | None] = mapped_column(String(10))
    totp_secret: Mapped[str | None] = mapped_column(String(200))
    totp_since: Mapped[datetime | None]
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    oidc_issuer: Mapped[str | None] = mapped_column(String(300))
    oidc_subject: Mapped[str | None] = mapped_column(String(255))
    last_sign_in_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    sites: Mapped[list["Site"]] = relationship(secondary=user_sites)
    passkeys: Mapped[list["Passkey"]] = relationship(viewonly=True)
    own_role: Mapped[OwnRole | None] = relationship()
    owner: Mapped["User | None"] = relationship(remote_side="User.id")

    @property
    def role_name(self) -> str:
        """What the role is called, built in or the organisation's own."""
        return self.own_role.name if self.own_role else self.role.value


class OneTimeLink(Base):
    """A single-use secret in a link (`setup` or `reset`); only its hash is kept."""

    __tablename__ = "one_time_links"

    id: Mapped[Id]
    purpose: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RecoveryCode(TenantOwned, Base):
    """What lets somebody in once whose second factor is lost; only its hash is kept."""

    __tablename__ = "recovery_codes"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Passkey(TenantOwned, Base):
    """A key pair of a person's device; only the public half is kept (WebAuthn).

    `sign_count` is what the device last told; one that falls back speaks of a copy.
    """

    __tablename__ = "passkeys"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"), index=True)
    name: Mapped[Name]
    credential_id: Mapped[str] = mapped_column(String(1400), unique=True)
    public_key: Mapped[str] = mapped_column(Text)
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0)
    made_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()


class ApiToken(TenantOwned, Base):
    """A bearer token of a member of staff; only its hash is kept, `hint` shows its beginning.

    `rights` and `site_ids` narrow what that person may do and see; None: all of it.
    """

    __tablename__ = "api_tokens"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"))
    name: Mapped[Name]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(16))
    rights: Mapped[Json | None]
    site_ids: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()


class OutgoingMail(Base):
    """A mail other than a receipt, rendered when it is wanted, deleted of its body once sent."""

    __tablename__ = "outgoing_mails"

    id: Mapped[Id]
    recipient: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(20), default="queued", index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    # Whose file goes with it.
    job_id: Mapped[int | None] = mapped_column(BigId, index=True)


class AuditEntry(TenantOwned, Base):
    """Who did what to which thing, and what it was before; rows are only ever added."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_tenant_at", "tenant_id", "at"),
        Index("ix_audit_entries_subject", "tenant_id", "subject_kind", "subject_id"),
    )

    id: Mapped[Id]
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(120))
    user_id: Mapped[int | None] = mapped_column(BigId)
    token_id: Mapped[int | None] = mapped_column(BigId)
    address: Mapped[str | None] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(60))
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int | None] = mapped_column(BigId)
    subject: Mapped[str] = mapped_column(String(200), default="")
    before: Mapped[Json | None]
    after: Mapped[Json | None]
    note: Mapped[str | None] = mapped_column(String(500))


# Sign-ins: each browser in which a member of staff is at the desk, until it ends.


class SignIn(TenantOwned, Base):
    """One sign-in; the cookie holds its secret, this row only the digest.

    It counts until `expires_at`, or until it is ended: by its person, by an admin, by
    a new password or by another role.  Every copy of the cookie ends with the row.
    """

    __tablename__ = "sign_ins"
    __table_args__ = (Index("ix_sign_ins_user_made", "user_id", "made_at"),)

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    way: Mapped[SignInWay] = mapped_column(
        choice(SignInWay), default=SignInWay.PASSWORD, server_default="password"
    )
    remembered: Mapped[bool] = mapped_column(default=False)
    address: Mapped[str | None] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(200), default="")
    made_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]

    user: Mapped["User"] = relationship()
    tenant: Mapped["Tenant"] = relationship(viewonly=True)


# Idempotency keys: a request that a program may send again without its being done again.


class IdempotencyKey(TenantOwned, Base):
    """A key that a token's program gave to a request, and what that was answered with.

    `fingerprint` is the digest of the request; `status` None says that it is
    under way, or that its answer was lost.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        UniqueConstraint("token_id", "key"),
        Index("ix_idempotency_keys_created_at", "created_at"),
    )

    id: Mapped[Id]
    token_id: Mapped[int] = mapped_column(BigId, ForeignKey("api_tokens.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(255))
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    body: Mapped[str | None] = mapped_column(Text)
    mimetype: Mapped[str | None] = mapped_column(String(60))
    location: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime]


class SentForm(Base):
    """A form of the desk that was sent and done, and what that was answered with, once it is.

    `digest` is that of its key and contents, and `answer` is sealed by them.
    """

    __tablename__ = "sent_forms"
    __table_args__ = (Index("ix_sent_forms_at", "at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(Text)


class SavedFilter(TenantOwned, Base):
    """A filter of a list, kept by a name; `query` is the address of the page after its `?`.

    `page` is the endpoint of the list.  A `shared` one is shown to all staff of the tenant.
    """

    __tablename__ = "saved_filters"
    __table_args__ = (
        UniqueConstraint("user_id", "page", "name_key"),
        Index("ix_saved_filters_tenant_page", "tenant_id", "page"),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id", ondelete="CASCADE"))
    page: Mapped[Word]
    name: Mapped[str] = mapped_column(String(60))
    name_key: Mapped[str] = mapped_column(String(60))
    query: Mapped[str] = mapped_column(String(1000))
    shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    user: Mapped[User] = relationship()


class ListChoice(TenantOwned, Base):
    """How one member of staff wants one list: the columns `away`, and the filter it begins with."""

    __tablename__ = "list_choices"
    __table_args__ = (UniqueConstraint("user_id", "page"),)

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id", ondelete="CASCADE"))
    page: Mapped[Word]
    away: Mapped[list[Any]] = mapped_column(default=list)
    filter_id: Mapped[int | None] = mapped_column(
        BigId, ForeignKey("saved_filters.id", ondelete="SET NULL"), index=True
    )
