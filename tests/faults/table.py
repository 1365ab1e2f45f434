"""What goes wrong, in sixty ways and more: a fault, how long it lasts, and who may feel it."""

import signal
from typing import NamedTuple

from tests.faults import harm
from tests.faults.nodes import PROGRAMS, WORKERS
from tests.faults.truth import TRUTHS

A, B = WORKERS
BOTH = (0, 1)
#: What a wrong clock must not touch, and what nobody needs Redis for.
ALL_TRUTHS = frozenset(TRUTHS)
WITHOUT_REDIS = frozenset({"answered", "presence", "stored", "once", "orders", "never late"})


class Fault(NamedTuple):
    """One of them; `needs` is what it takes: "clocks", "discs" or "strace".

    `concerns` are the nodes whose chargers may feel it; those of the others must not.
    `meanwhile` are truths that hold also while it lasts.
    """

    name: str
    inflict: harm.Inflict
    lasts_s: float
    concerns: tuple[int, ...] = ()
    needs: str = ""
    meanwhile: frozenset[str] = frozenset()


def without_redis(name: str, inflict: harm.Inflict, lasts_s: float) -> Fault:
    """Redis cannot be reached, and chargers and their orders have no need of it."""
    return Fault(name, inflict, lasts_s, meanwhile=WITHOUT_REDIS)


def wrong_clock(name: str, offset: str, program: str) -> Fault:
    """A clock that is wrong, and stays so until all is well with it."""
    inflict = harm.clock(offset, program)
    return Fault(name, inflict, 12, needs="clocks", meanwhile=ALL_TRUTHS)


AWAY = harm.database(signal.SIGINT)
DISC_AND_DATABASE = harm.together(harm.full("data"), AWAY)
MOVED_WITHOUT_REDIS = harm.together(harm.redis_down, harm.moved(None, 2))
BOTH_STORAGES = harm.together(harm.redis_down, AWAY)
KILLED_WITHOUT_DATABASE = harm.together(AWAY, harm.killed(A), apart_s=5.0)
STARTED_WITHOUT_DATABASE = harm.together(AWAY, harm.restarted(*PROGRAMS))
SLOW_SPOOL = harm.together(AWAY, harm.slow_disc(A, B))
ONE_AND_OTHER = harm.together(harm.wires("database", "cut", A), harm.killed(B))
RESTARTED_TWICE = harm.one_after_another(AWAY, harm.database(signal.SIGQUIT))

FAULTS = (
    Fault("worker A is killed", harm.killed(A), 2, (0,)),
    Fault("worker B is killed", harm.killed(B), 2, (1,)),
    Fault("both workers are killed", harm.killed(A, B), 2, BOTH),
    Fault("worker A hangs for a moment", harm.stopped(A), 6, (0,)),
    Fault("worker B hangs until it is thought dead", harm.stopped(B), 26, (1,)),
    Fault("worker A is asked to end", harm.asked_to_end(A), 1, (0,)),
    Fault("both workers are replaced, one after the other", harm.asked_to_end(A, B), 1, BOTH),
    Fault("Celery is killed", harm.killed("celery"), 3),
    Fault("Celery hangs", harm.stopped("celery"), 10),
    Fault("the beat is killed", harm.killed("beat"), 5),
    Fault("the desk is killed", harm.killed("web"), 3),
    Fault("the desk hangs", harm.stopped("web"), 5),
    Fault("everything of ours is killed", harm.killed(*PROGRAMS), 3, BOTH),
    Fault("PostgreSQL restarts", harm.database(signal.SIGINT), 1, BOTH),
    Fault("PostgreSQL stops without a farewell", harm.database(signal.SIGQUIT), 1, BOTH),
    Fault("PostgreSQL is killed", harm.database(signal.SIGKILL), 1, BOTH),
    Fault("PostgreSQL is frozen for 30 s", harm.database_frozen, 30, BOTH),
    Fault("PostgreSQL is away for 90 s", harm.database(signal.SIGINT), 90, BOTH),
    Fault("PostgreSQL ends all connections", harm.database_drops_all, 1, BOTH),
    Fault("worker A is cut off from PostgreSQL", harm.wires("database", "cut", A), 10, (0,)),
    Fault("worker B hears nothing of PostgreSQL", harm.wires("database", "held", B), 15, (1,)),
    Fault("the host of PostgreSQL is gone", harm.wires("database", "held", *PROGRAMS), 15, BOTH),
    Fault("Celery is cut off from PostgreSQL", harm.wires("database", "cut", "celery"), 8),
    Fault("PostgreSQL is slow", harm.wires("database", "slow", *PROGRAMS, late_s=0.05), 10, BOTH),
    without_redis("worker A is cut off from Redis", harm.wires("redis", "cut", A), 8),
    without_redis("worker B hears nothing of Redis", harm.wires("redis", "held", B), 10),
    Fault("Celery is cut off from Redis", harm.wires("redis", "cut", "celery", "beat"), 8),
    Fault("the desk is cut off from Redis", harm.wires("redis", "cut", "web"), 6),
    Fault("Redis is killed and comes back", harm.redis_down, 1),
    without_redis("Redis is away for 15 s", harm.redis_down, 15),
    Fault("Redis comes back empty", harm.redis_empty, 2),
    Fault("Redis is flushed", harm.redis_flushed, 1),
    Fault("Redis answers nothing for 5 s", harm.redis_paused, 5),
    without_redis("Redis hangs", harm.redis_stands_still, 10),
    Fault("the disc of PostgreSQL is full", harm.full("postgres"), 10, BOTH, "discs"),
    Fault("our disc is full", harm.full("data"), 10, BOTH, "discs"),
    Fault("our disc is full while PostgreSQL is away", DISC_AND_DATABASE, 10, BOTH, "discs"),
    Fault("the disc of PostgreSQL is slow", harm.slow_disc("postgres"), 15, BOTH, "strace"),
    Fault("our disc is slow while PostgreSQL is away", SLOW_SPOOL, 15, BOTH, "strace"),
    wrong_clock("the clock of worker A is 30 s ahead", "+30s", A),
    wrong_clock("the clock of worker B is 30 s behind", "-30s", B),
    wrong_clock("the clock of worker A is 2 h ahead", "+2h", A),
    wrong_clock("the clock of worker B is 2 h behind", "-2h", B),
    wrong_clock("the clock of worker A is a day behind", "-1d", A),
    wrong_clock("the clock of Celery is 2 h ahead", "+2h", "celery"),
    Fault("the mail server is away", harm.mail_away, 5),
    Fault("the mail server takes 8 s for each", harm.mail(delay_s=8.0), 10),
    Fault("the mail server dies amid a mail", harm.mail(dies=True), 5),
    Fault("the mail server wants mails later", harm.mail(refusal="451 come back later"), 5),
    Fault("the mail server wants no mails", harm.mail(refusal="550 not from you"), 5),
    Fault("all chargers move to the other node", harm.moved(None, 2), 1, BOTH),
    Fault("all chargers move to one node", harm.moved(0), 2, BOTH),
    Fault("all chargers move while Redis is away", MOVED_WITHOUT_REDIS, 1, BOTH),
    Fault("all lines are cut", harm.lines_cut, 1, BOTH),
    Fault("a charger sends without end", harm.flood, 6),
    Fault("a charger does not read", harm.deaf, 6),
    Fault("an order goes to 2,000 that are not there", harm.broadcast, 5),
    Fault("PostgreSQL restarts while Redis is away", BOTH_STORAGES, 2, BOTH),
    Fault("worker A is killed while PostgreSQL is away", KILLED_WITHOUT_DATABASE, 3, BOTH),
    Fault("everything of ours starts while PostgreSQL is away", STARTED_WITHOUT_DATABASE, 3, BOTH),
    Fault("worker B is killed while worker A is cut off from PostgreSQL", ONE_AND_OTHER, 4, BOTH),
    Fault("PostgreSQL restarts, and again", RESTARTED_TWICE, 1, BOTH),
)

#: By day.  Other kinds have files of their own by day: a database that restarts
#: (test_database_away.py), a Redis that dies (test_other_ends.py), a mail server that dies
#: (money/test_sending.py), a worker that is asked to end (test_rolling_restart.py), a wrong clock
#: (test_wrong_clocks.py), chargers that move (worker/test_several_workers.py).
BY_DAY = ("worker A is killed",)
