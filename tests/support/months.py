"""Weeks of a charging network by chance: what was charged, told, billed and changed, and what of it
is owed by the words of the tariffs alone.

Sessions are told by stations of 1.6, 2.0.1 and 2.1 at sites with clocks and currencies of their
own, where the clocks are changed; stations are moved, bills corrected and taken back.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.access import drivers, tags
from app.domain.ground.vocabulary import SYSTEM, Actor
from app.domain.money import billing, reviews
from app.domain.network import sites, stations, tenants
from app.models import ChargingSession, Driver, Review, Site, Tariff, TariffVersion
from tests.support import chances, lone
from tests.support.priced import Document, Price, Used, price_of
from tests.support.truth import Does, Teller, Truth, at_random
from worker.ocpp.versions import Version

GRACE = Actor("Grace Hopper")
#: A site's zone, currency, and the instant from which its stations are visited.
PLACES = (
    ("Europe/Berlin", "EUR", datetime(2026, 3, 28, 18, tzinfo=UTC)),
    ("Australia/Lord_Howe", "KWD", datetime(2026, 4, 4, 6, tzinfo=UTC)),
    ("America/St_Johns", "JPY", datetime(2026, 3, 7, 20, tzinfo=UTC)),
    ("Pacific/Chatham", "EUR", datetime(2026, 3, 30, 22, tzinfo=UTC)),
)
BEFORE = datetime(2026, 2, 1, tzinfo=UTC)
VERSIONS = (Version.V16, Version.V201, Version.V21)


@dataclass(frozen=True)
class Entry:
    """A bill that must be there: its amounts, its energy, and when it was issued."""

    kind: str
    price: Price
    energy_wh: Decimal
    at: datetime

    @property
    def figures(self) -> tuple[str, int, int, int, Decimal]:
        """Its kind and its figures; those of a credit take off."""
        price, sign = self.price, -1 if self.kind == "credit" else 1
        amounts = (sign * each for each in (price.net, price.tax, price.gross))
        return (self.kind, *amounts, sign * self.energy_wh)  # type: ignore[return-value]


@dataclass
class Charged:
    """A session with what is known of it, and the bills that it must have."""

    id: int
    site: Site
    tariff: Document
    used: Used
    energy_wh: Decimal
    driver: Driver | None
    entries: list[Entry] = field(default_factory=list)

    def bill(self, kind: str, at: datetime, energy_wh: Decimal | None = None) -> None:
        """A bill for what was used, or for another energy that a person named."""
        used, wh = self.used, self.energy_wh
        if energy_wh is not None:
            factor = Fraction(energy_wh) / Fraction(self.energy_wh)
            told = [(at, reading * factor) for at, reading in used.readings]
            used, wh = replace(used, readings=told), energy_wh
        self.entries.append(Entry(kind, price_of(self.tariff, used), wh, at))

    def credit(self, at: datetime) -> None:
        """The last bill is taken back."""
        self.entries.append(replace(self.entries[-1], kind="credit", at=at))

    def day(self) -> str:
        """The day on which it began, on its site's clock."""
        return self.used.began.astimezone(ZoneInfo(self.used.zone)).date().isoformat()


class Month:
    """The network, and all that was charged there."""

    def __init__(self, db: Session, seed: int, rounds: int) -> None:
        self.db, self.rng = db, random.Random(seed)
        self.tenant = tenants.first(db, now=BEFORE)
        self.sites = [self._site(number) for number in range(len(PLACES))]
        self.drivers = [self._driver(name) for name in ("Ada", "Zoë", "Kim")]
        self.charged: list[Charged] = []
        visits = [
            (since + timedelta(hours=21 * each), place, version, each)
            for place, (_, _, since) in enumerate(PLACES)
            for version in VERSIONS
            for each in range(rounds)
        ]
        self._tellers: dict[tuple[int, Version], tuple[Teller, int]] = {}
        for since, place, version, _ in sorted(visits, key=lambda each: (each[0], each[1])):
            self._visit(place, version, since + timedelta(seconds=self.rng.randrange(7_000)))
        self.later = max(one.entries[-1].at for one in self.charged if one.entries)
        for one in self.charged:
            self._change(one)
        db.flush()

    def _site(self, number: int) -> Site:
        zone, currency, _ = PLACES[number]
        about = {"name": f"Site {number}", "timezone": zone, "currency": currency}
        return sites.add(self.db, SYSTEM, self.tenant.id, now=BEFORE, **about)

    def _driver(self, name: str) -> Driver:
        mail = f"{name.lower()}@example.org".replace("ë", "e")
        made = drivers.add(self.db, SYSTEM, self.tenant.id, now=BEFORE, name=name, email=mail)
        about = {"value": f"CARD{name.upper()[:2]}", "driver_id": made.id}
        tags.add(self.db, SYSTEM, self.tenant.id, now=BEFORE, **about)
        return made

    def _visit(self, place: int, version: Version, start: datetime) -> None:
        """A car comes: its session is told, and billed, held or waived."""
        rng, db = self.rng, self.db
        if (place, version) not in self._tellers:
            teller = Teller(db, version, start, f"CP-{place}-{version.name}")
            teller.talk.station.site = self.sites[place]
            self._tellers[place, version] = teller, rng.randrange(9_000_000)
        teller, register = self._tellers[place, version]
        if rng.random() < 0.15:
            self._move(teller, start)
        site = teller.talk.station.site
        tariff = self._tariff(site, start)
        truth = self._truth(register)
        known = rng.random() < 0.85
        driver = rng.choice(self.drivers) if known else None
        teller.start, teller.ref = start, f"tx-{start:%j%H%M%S}-{place}"
        teller.tag = f"CARD{driver.name.upper()[:2]}" if driver else "STRANGER"
        teller.tell(truth)
        self._tellers[place, version] = teller, truth.register(truth.length_s)
        [session] = db.scalars(select(ChargingSession).order_by(ChargingSession.id.desc()).limit(1))
        used = _used(truth, start, site.timezone)
        wh = Decimal(truth.energy_wh)
        one = Charged(session.id, site, tariff, used, wh, driver)
        self.charged.append(one)
        now = start + timedelta(seconds=truth.length_s + 300)
        if rng.random() < 0.15:
            self._move(teller, now)
        self._settle(one, now)

    def _settle(self, one: Charged, now: datetime) -> None:
        made = lone.settle(self.db, one.id, now=now)
        if not isinstance(made, Review):
            one.bill("bill", now)
            return
        if self.rng.random() < 0.3:
            reviews.waive(self.db, GRACE, made, note="goodwill", now=now)
            return
        wh = self._other_wh(one) if self.rng.random() < 0.5 else None
        reviews.approve(self.db, GRACE, made, note="known to us", energy_wh=wh, now=now)
        one.bill("bill", now, wh)

    def _change(self, one: Charged) -> None:
        """A bill may be corrected or taken back weeks later."""
        if not one.entries or (what := self.rng.random()) > 0.4:
            return
        now = self.later + timedelta(hours=self.rng.randrange(900))
        session = self.db.get_one(ChargingSession, one.id)
        if what < 0.2:
            billing.refund(self.db, GRACE, session, reason="goodwill", now=now)
            one.credit(now)
            return
        wh = self._other_wh(one)
        billing.correct(self.db, GRACE, session, reason="by its meter", energy_wh=wh, now=now)
        one.credit(now)
        one.bill("correction", now, wh)

    def _other_wh(self, one: Charged) -> Decimal:
        return one.energy_wh * self.rng.randrange(100, 1_900) / 1_000 + Decimal("0.25")

    def _tariff(self, site: Site, now: datetime) -> Document:
        day = now.date().isoformat()
        definition = chances.tariff(self.rng, site.currency, day)
        name = f"Tariff {len(self.charged)}"
        about = {"name": name, "name_key": name.lower(), "currency": site.currency}
        tariff = Tariff(tenant_id=self.tenant.id, created_at=BEFORE, **about)
        self.db.add(tariff)
        self.db.flush()
        about = {"number": 1, "definition": definition, "created_by": "Grace"}
        self.db.add(TariffVersion(tariff_id=tariff.id, created_at=BEFORE, **about))
        site.tariff_id = tariff.id
        self.db.flush()
        return definition

    def _truth(self, register: int) -> Truth:
        return replace(at_random(self.rng), first_wh=register, told_wh=1)

    def _move(self, teller: Teller, now: datetime) -> None:
        to = self.rng.choice(self.sites)
        stations.edit(self.db, SYSTEM, teller.talk.station, site_id=to.id, now=now)

    def owed(self) -> Iterator[tuple[Charged, Entry]]:
        """All bills that must be there."""
        for one in self.charged:
            for entry in one.entries:
                yield one, entry


def _used(truth: Truth, start: datetime, zone: str) -> Used:
    """What was used, as far as the meter was read."""

    def at(second: int) -> datetime:
        return start + timedelta(seconds=second)

    instants = [*truth.read_at(), truth.length_s]
    first = truth.register(0)
    charging, idle = (
        [(at(since), at(until)) for since, until in truth.spans(does)]
        for does in (Does.CHARGES, Does.STANDS)
    )
    return Used(
        *(start, at(truth.length_s), zone),
        [(at(each), Fraction(truth.register(each) - first)) for each in instants],
        charging,
        idle,
    )
