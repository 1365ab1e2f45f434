"""Sign-ins: each browser in which a member of staff is at the desk, until it ends."""

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, BigId, Id, TenantOwned

if TYPE_CHECKING:
    from app.models.staff import User


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
    remembered: Mapped[bool] = mapped_column(default=False)
    address: Mapped[str | None] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(200), default="")
    made_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]

    user: Mapped["User"] = relationship()
