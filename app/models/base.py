"""The declarative base, the column types and the ownership mixins of all tables."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.types import TypeDecorator

#: 64 bits on PostgreSQL; plain INTEGER on SQLite, where only that makes a row id.
BigId = BigInteger().with_variant(Integer(), "sqlite")

#: For rows that change often: PostgreSQL leaves half of each page free, so that what a change makes
#: of a row stays beside it and no index has to hear of that.
ROOM_BESIDE = {"postgresql_with": {"fillfactor": 50}}

_THOUSAND = Decimal(1000)
_ONE = Decimal(1)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, in microseconds; naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn any aware time into UTC (stored without an offset where the database has none)."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time has no place in the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class WattHours(TypeDecorator[Decimal]):
    """Exact watt-hours: whole thousandths in the database, a Decimal in Python.

    A sum in SQL stays exact on both databases, which a float column or a text
    column would not.  Beyond a thousandth of a watt-hour, values are rounded;
    the text that the charger sent is kept beside them.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | int | None, dialect: object) -> int | None:
        """Round to a thousandth of a watt-hour."""
        if value is None:
            return None
        return int((Decimal(value) * _THOUSAND).quantize(_ONE, ROUND_HALF_EVEN))

    def process_result_value(self, value: int | None, dialect: object) -> Decimal | None:
        """Give watt-hours back."""
        return None if value is None else Decimal(value) / _THOUSAND


class Exact(TypeDecorator[Decimal]):
    """A decimal that is shown and priced, never summed in SQL: kept as its own text."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: object) -> str | None:
        """Write without an exponent."""
        return None if value is None else format(Decimal(value), "f")

    def process_result_value(self, value: str | None, dialect: object) -> Decimal | None:
        """Give the same decimal back."""
        return None if value is None else Decimal(value)


def choice(words: type[StrEnum]) -> Enum:
    """A column that holds one of the values of an enumeration, as plain text."""
    return Enum(
        words,
        native_enum=False,
        length=40,
        values_callable=lambda kind: [word.value for word in kind],
    )


class Base(DeclarativeBase):
    """The base of all models; each is one table."""

    __table__: ClassVar[Table]
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: Instant,
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
    }


Id = Annotated[int, mapped_column(BigId, primary_key=True, autoincrement=True)]
Wh = Annotated[Decimal, mapped_column(WattHours)]
Name = Annotated[str, mapped_column(String(120))]
Word = Annotated[str, mapped_column(String(40))]
Minor = Annotated[int, mapped_column(BigInteger)]


class TenantOwned:
    """A row that belongs to one tenant: scope is applied to every select of staff."""

    @declared_attr
    def tenant_id(cls) -> Mapped[int]:
        return mapped_column(BigId, ForeignKey("tenants.id"), index=True)


class SiteOwned(TenantOwned):
    """A row at a site: staff that are limited to some sites see only those."""

    @declared_attr
    def site_id(cls) -> Mapped[int]:
        return mapped_column(BigId, ForeignKey("sites.id"), index=True)


class AtStation:
    """A row that came about at a station: staff of some sites see it who see the station."""

    @declared_attr
    def station_id(cls) -> Mapped[int]:
        return mapped_column(BigId, ForeignKey("stations.id"), index=True)


class StationOwned:
    """A detail of a station: only the station says whose it is."""

    @declared_attr
    def station_id(cls) -> Mapped[int]:
        return mapped_column(BigId, ForeignKey("stations.id"), index=True)


def leave_out_served(table: Any) -> None:
    """Leave out indexes that another one begins with: each costs every row that is written.

    What many kinds of rows have in common (`StationOwned`) asks for one of its own, which most of
    them have no need of.
    """
    whole = [index for index in table.indexes if not _is_partial(index)]
    unique = [key for key in table.constraints if isinstance(key, UniqueConstraint)]
    keys = [tuple(key.columns.keys()) for key in (*whole, *unique, table.primary_key)]
    served = {key[:size] for key in keys for size in range(1, len(key))}
    for index in whole:
        if not index.unique and tuple(index.columns.keys()) in served:
            table.indexes.remove(index)


def _is_partial(index: Index) -> bool:
    return any(options.get("where") is not None for options in index.dialect_options.values())
