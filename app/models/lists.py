"""How members of staff want their lists: filters kept by a name, columns put away."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, BigId, Id, TenantOwned, Word
from app.models.staff import User


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
