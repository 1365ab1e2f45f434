"""Tariffs: named prices with their versions, who has them, and what a session would cost."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from app.api.ground import _lists, _rows
from app.api.ground._noun import Ask, Noun
from app.api.ground._plain import Plain
from app.domain.ground.errors import Invalid
from app.domain.money import tariff_book, validity
from app.domain.money import tariffs as prices
from app.models import Tariff, TariffVersion
from app.process.clock import utc_now
from app.queries.ground import period
from app.queries.money import bench
from app.queries.money import tariffs as queries
from app.resource import TARIFFS
from app.schemas import money as schemas
from app.schemas.answers import Answer, From, read
from app.schemas.base import Instant, Number
from app.uow import unit_of_work
from app.web.problems import Problem

noun = Noun("tariffs", "Named prices; `tariff_id` of a site, station, group or driver gives it.")

TARIFF = _rows.answer(
    "Tariff",
    "A named price; `definition` is what the version says that holds now, planned ones aside.",
    Tariff,
    without=("name_key",),
    version=read(int, lambda row: _held(row).number),
    definition=read(schemas.Definition, lambda row: tariff_book.said(_held(row))),
)
VERSION = _rows.answer(
    "TariffVersion",
    "What a tariff says from a time on; sessions keep the one of their start. Dates, where it "
    "has any, are on the sites' clocks.",
    TariffVersion,
    definition=schemas.Definition,
)


def _held(tariff: Tariff) -> TariffVersion:
    return validity.in_force(tariff.versions, utc_now(), "UTC")


class Holders(Answer):
    """Whose price a tariff is; of each kind 200 at most."""

    site_ids: list[int]
    station_ids: list[int]
    group_ids: list[int]
    driver_ids: list[int]


class PriceLine(Answer):
    """One line of a price; `unit_price` is in the major unit, the sums in the minor one."""

    kind: str
    label: Annotated[str, From(lambda line: prices.say(line.label))]
    quantity: Number
    unit: str
    unit_price: Number
    tax_percent: Number
    net_minor: int
    tax_minor: int
    gross_minor: int


class Price(Answer):
    """What an imagined session costs, and why."""

    currency: str
    energy_wh: Number
    net_minor: int
    tax_minor: int
    gross_minor: int
    lines: list[PriceLine]
    explanation: Annotated[
        list[str], From(lambda quote: [prices.say(phrase) for phrase in quote.explanation])
    ]


class BenchSums(Answer):
    """What some sessions were billed and would be, tax included, in minor units."""

    sessions: int
    dearer: int
    cheaper: int
    energy_wh: Number
    old_minor: int
    new_minor: int
    difference_minor: int


class BenchHour(Answer):
    """The sessions that began in one hour of the day."""

    hour: Annotated[int, From(lambda pair: pair[0])]
    sums: Annotated[BenchSums, From(lambda pair: pair[1])]


class BenchSession(Answer):
    """One session: what its bill says, and what it would say."""

    session_id: int
    started_at: Instant
    energy_wh: Number
    old_minor: int
    new_minor: int
    difference_minor: int


class BenchResult(Answer):
    """A draft against a month; `unbilled`: sessions without a bill that stands, left out."""

    month: Annotated[str, From(lambda found: f"{found.period.first:%Y-%m}")]
    currency: str
    found: int
    looked_at: int
    unbilled: int
    all: BenchSums
    hours: Annotated[list[BenchHour], From(lambda found: found.by_hour)]
    sessions: Annotated[list[BenchSession], From(lambda found: found.rows)]


@noun.post(
    "/tariffs/bench",
    "Try a draft on real sessions",
    body=schemas.BenchAsked,
    answers={200: BenchResult},
)
def bench_(ask: Ask) -> object:
    """Price the billed sessions of a month by a draft, beside their bills; nothing is stored."""
    asked, former = ask.body, None
    if "tariff_id" in asked:
        former = ask.get(Tariff, asked["tariff_id"], "tariff", field="tariff_id")
    return bench.run(
        ask.db,
        ask.tenant_id,
        tariff_book.checked(asked["definition"]),
        period.month(asked["month"]) if "month" in asked else period.month_before(ask.now.date()),
        tariff=former,
        most=asked.get("most", bench.USUAL),
        now=ask.now,
    )


plain = Plain(noun, TARIFFS, TARIFF)
plain.list(
    "The tariffs, in the order in which they were written.",
    schemas.Tariffs,
    {"currency": lambda code: Tariff.currency == code.upper()},
)
plain.show("One tariff with the version that holds now.")
plain.create(
    "Write a tariff; a site, station, group or driver gets it by their own `tariff_id`.",
    schemas.NewTariff,
    everywhere=True,
    verb="Write",
)
plain.edit(
    "Rename a tariff, or give it a new version, also for a time to come. Running sessions and "
    "bills keep the old one.",
    schemas.TariffChanges,
    everywhere=True,
)
plain.archive("Put a tariff away; refused while anybody has it.", everywhere=True)
plain.restore("Take a tariff out of the archive.", everywhere=True)
_lists.hang(
    *(noun, "/tariffs/{tariff_id}/versions", "List a tariff’s versions"),
    "What a tariff said from time to time, the newest first.",
    *(TariffVersion, VERSION),
    name="versions",
    of=(TariffVersion.tariff_id, plain.row),
)


@noun.post(
    "/tariffs/{tariff_id}/versions/{version}/withdraw",
    "Withdraw a planned version",
    answers={200: VERSION},
    problems=(404, 409),
    everywhere=True,
)
def withdraw(ask: Ask, tariff_id: int, version: int) -> object:
    """Take a version back before it begins at any site; it stays in the list."""
    tariff = plain.row(ask, tariff_id)
    with unit_of_work() as db:
        return tariff_book.withdraw(db, ask.actor, tariff, version, now=ask.now)


noun.decide(
    "/tariffs/{tariff_id}/copy",
    "Copy a tariff",
    "Make another tariff of the prices that hold now; nobody has it yet.",
    *(TARIFF, plain.row, tariff_book.copy),
    body=schemas.TariffCopy,
    makes="/tariffs",
    problems=(404,),
    everywhere=True,
)


@noun.get("/tariffs/{tariff_id}/holders", "Read who has a tariff", answers={200: Holders})
def holders(ask: Ask, tariff_id: int) -> object:
    """Whose price it is, as far as the token reaches; those in the archive are left out."""
    found = queries.holders(ask.db, plain.row(ask, tariff_id))
    return {
        "site_ids": [row.id for row in found.sites],
        "station_ids": [row.id for row in found.stations],
        "group_ids": [row.id for row in found.groups],
        "driver_ids": [row.id for row in found.drivers],
    }


@noun.get(
    "/tariffs/{tariff_id}/price",
    "Price an imagined session",
    answers={200: Price},
    query=schemas.PriceExample,
)
def price(ask: Ask, tariff_id: int) -> object:
    """What a session would cost that takes its energy evenly and then stands idle."""
    asked, tariff = ask.query, plain.row(ask, tariff_id)
    number = asked.get("version", _held(tariff).number)
    version = next((one for one in tariff.versions if one.number == number), None)
    if version is None:
        raise Problem(404, "The tariff has no such version.")
    return tariff_book.example(
        version,
        energy_kwh=Decimal(asked.get("energy_wh", 20_000)) / 1000,
        charging_min=asked.get("charging_min", 60),
        idle_min=asked.get("idle_min", 0),
        local_start=_clock(asked["starts"]) if "starts" in asked else None,
        timezone=asked.get("timezone", "UTC"),
        now=ask.now,
    )


def _clock(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise Invalid("starts is a time like 2026-01-31T22:00.", field="starts") from None
