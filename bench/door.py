"""How long a charger with the right password waits at a door that is under attack."""

import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM
from app.domain.network import stations
from app.extensions import db as flask_db
from app.models import Site, Station
from app.uow import unit_of_work
from bench import wire
from bench.installation import Installation

HANGING, GUESSES_PER_S = 2_000, 500
#: Connections that are measured of each kind of password.
TIMES = 20
#: One second is the pace at which a charger that got in may come back for long.
PAUSE_S = 0.2
CHOSEN = "a password that somebody chose"


def attack(port: int, identities: list[str]) -> dict[str, Any]:
    """What the attacker does: from the chargers' own address and others, in known names and not."""
    return {
        "port": port,
        "hanging": HANGING,
        "guesses_per_s": GUESSES_PER_S,
        "addresses": [f"127.0.0.{number}" for number in range(1, 22)],
        "identities": [*identities, "NOBODY", "NOBODY-#"],
    }


def choose(made: Installation, identity: str) -> None:
    """Give a station a password whose hash is slow."""
    with made.app.app_context():
        with unit_of_work() as db:
            site = db.scalar(select(Site))
            tenant_id = db.scalar(select(Station.tenant_id))
            now = datetime.now(UTC)
            assert site is not None and tenant_id is not None
            stations.register(db, SYSTEM, tenant_id, site, identity, now=now, password=CHOSEN)
        flask_db.session.remove()


def waits_s(port: int, identity: str, password: str, times: int = TIMES) -> list[float]:
    """Connect again and again; return how long each handshake took, in seconds, sorted."""
    found = []
    for _ in range(times):
        begun = time.monotonic()
        wire.connect(port, identity, password).close()
        found.append(time.monotonic() - begun)
        time.sleep(PAUSE_S)
    return sorted(found)
