"""How long an order by the API takes until its result is known: to idle chargers, one at a time."""

import http.client
import json
import time
from datetime import UTC, datetime

from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM, Role
from app.domain.office import api_tokens, staff
from app.extensions import db as flask_db
from app.models import Station
from app.uow import unit_of_work
from bench.installation import Installation, on_postgres
from bench.load import spread
from bench.plan import DATABASES, Plan, Row
from bench.systems import INSTALLATIONS, Program, cpu_s

CHARGERS, ORDERS, FIRST = 20, 200, 10
GOALS_MS = {"p50": 10.0, "p99": 30.0}
#: The same to chargers of two nodes, of which nobody knows beforehand who is on which.
NODES, GOALS_OF_NODES_MS = 2, {"p50": 15.0, "p99": 60.0}
ORDER = json.dumps({"order": "unlock", "arguments": {"connector": 1}})


def rows(plan: Plan) -> list[Row]:
    """Median and 99th percentile of an order with ?wait, and the CPU of the desk for each."""
    made = []
    for on in plan.databases:
        with INSTALLATIONS[on](CHARGERS) as installation:
            waits, web_ms = measure(plan, installation)
        print(f"  {on}: {waits}", flush=True)
        name = f"order by API with ?wait, {DATABASES[on]}"
        made += [Row(f"{name}, {p}", "ms", waits[p], goal=goal) for p, goal in GOALS_MS.items()]
        made.append(Row(f"{name}, CPU of the desk", "CPU-ms", web_ms, goal=5.0))
    return made


def of_nodes(plan: Plan) -> list[Row]:
    """The same with two worker processes, on PostgreSQL."""
    if "postgresql" not in plan.databases:
        return []
    with on_postgres(CHARGERS, AMPDESK_OCPP_PROCESSES=str(NODES)) as installation:
        waits, _ = measure(plan, installation)
    print(f"  {waits}", flush=True)
    name = f"order by API with ?wait, {NODES} nodes, {DATABASES['postgresql']}"
    return [Row(f"{name}, {p}", "ms", waits[p], goal=goal) for p, goal in GOALS_OF_NODES_MS.items()]


def measure(plan: Plan, made: Installation) -> tuple[dict[str, float], float]:
    """Return the waits (as the load tells them) and the desk's CPU-ms for each order."""
    made.environment["AMPDESK_API_RATE"] = ""
    numbers, token = who_asks(made)
    wanted = {"port": made.settings.ocpp_port, "stations": made.stations}
    with made.running("worker", "web") as (*_, web), Program("bench.idle", wanted):
        desk = Desk(made.settings.web_port, token)
        for number in numbers[:FIRST]:
            desk.order(number)
        before, waits = cpu_s(web), []
        for place in range(plan.scaled(ORDERS)):
            waits.append(desk.order(numbers[place % len(numbers)]))
        used = cpu_s(web) - before
    return spread(waits), used * 1000 / len(waits)


class Desk:
    """The API, by one connection that is kept."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def order(self, station: int) -> float:
        """Unlock a connector; return how long the result took, in seconds."""
        begin = time.perf_counter()
        path = f"/api/v1/stations/{station}/orders?wait=30"
        self._connection.request("POST", path, ORDER, self._headers)
        answer = self._connection.getresponse()
        found = json.loads(answer.read())
        took = time.perf_counter() - begin
        if answer.status != 200 or found["state"] != "accepted":
            raise RuntimeError(f"an order was answered {answer.status}: {found}")
        return took


def who_asks(made: Installation) -> tuple[list[int], str]:
    """The numbers of all stations, and the token of a program that may give them orders."""
    with made.app.app_context():
        now = datetime.now(UTC)
        with unit_of_work() as db:
            stations = list(db.scalars(select(Station).order_by(Station.id)))
            about = {"tenant_id": stations[0].tenant_id, "role": Role.ADMIN, "now": now}
            user = staff.create(db, SYSTEM, email="bench@example.org", name="Bench", **about)
            _, token = api_tokens.issue(db, SYSTEM, user, name="Bench", now=now)
            numbers = [station.id for station in stations]
        flask_db.session.remove()
    return numbers, token
