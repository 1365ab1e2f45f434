"""Values that no table takes, in each field of each message that comes often: each is refused or
kept in doubt by itself; others are stored meanwhile, and the worker goes on.
"""

import copy
import itertools
import json
import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.models import Message
from bench import wire
from tests.faults import told
from tests.support import examples
from tests.support.chance import BY_NIGHT
from tests.support.charge_point import stamp
from tests.support.depot import furnish
from tests.support.fixtures import POSTGRESQL_BY_DAY
from tests.support.teller import Teller
from tests.support.wait import eventually
from worker.ocpp.versions import Version

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(600),
    # The stricter one: it refuses what SQLite takes.
    pytest.mark.parametrize("database", POSTGRESQL_BY_DAY),
]

HOT = {
    Version.V16: (
        *("BootNotification", "StatusNotification", "Authorize", "StartTransaction"),
        *("MeterValues", "StopTransaction", "Heartbeat"),
    ),
    Version.V201: (
        *("BootNotification", "StatusNotification", "Authorize", "TransactionEvent"),
        *("MeterValues", "Heartbeat"),
    ),
}
PROTOCOLS = {Version.V16: "ocpp1.6", Version.V201: "ocpp2.0.1"}
#: Poison as it stands in the text of a message.
POISONS = {
    "NUL": '"a\\u0000b"',
    "half a character": '"a\\ud800b"',
    "beyond eight bytes": str(2**63),
    "beyond four bytes": str(2**31),
    "beyond a double": "1e400",
    "the largest double": "1.7976931348623157e308",
    "beyond a double, as text": '"1e400"',
    "forty digits": '"' + "9" * 40 + '"',
    "64 KiB": '"' + "x" * 65_536 + '"',
    "the year 9999": '"9999-12-31T23:59:59Z"',
    "after the year 9999": '"9999-12-31T23:59:59-14:00"',
    "the year 1": '"0001-01-01T00:00:00Z"',
    "before the year 1": '"0001-01-01T00:00:00+14:00"',
}
#: Refused as it should be: the text, its form, or what it says.
REFUSALS = {
    *("FormationViolation", "FormatViolation", "PropertyConstraintViolation"),
    *("TypeConstraintViolation", "OccurenceConstraintViolation", "OccurrenceConstraintViolation"),
    *("ProtocolError", "RpcFrameworkError", "NotImplemented"),
}
SENDERS, INNOCENTS = 4, 2
#: By day a field has one poison of so many.
SHARE = 4
#: Members that decide how others are read.
SENSE = {
    "eventType": "Started",
    "measurand": "Energy.Active.Import.Register",
    "format": "Raw",
    "unit": "Wh",
}
#: What the examples fill texts with: a message of many of these would be taken in pieces.
LONG = re.compile('"x{20,}"')
#: Where poison stands in the example, until it is written into the text.
HERE = "poison-here"


def leaves(value, path=()):
    """The paths of all members that are no object and no list; of a list, of its first item."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from leaves(child, (*path, name))
    elif isinstance(value, list):
        yield from leaves(value[0], (*path, 0))
    else:
        yield path


def sensible(value):
    """The example with readings of the register that is billed, in plain numbers."""
    if isinstance(value, dict):
        return {name: SENSE.get(name) or sensible(child) for name, child in value.items()}
    return [sensible(item) for item in value] if isinstance(value, list) else value


def poisoned(example, path):
    changed = copy.deepcopy(example)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = HERE
    return changed


def cases(version):
    """Each poison in each field: (what it is, the action, the text of its payload).

    By day a field has some of them, and the next field others.
    """
    numbers, fields = itertools.count(1), itertools.count()
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    for action in HOT[version]:
        example = sensible(examples.most(version, action))
        for path in leaves(example):
            first = 0 if BY_NIGHT else next(fields) % SHARE
            for name, poison in list(POISONS.items())[first :: 1 if BY_NIGHT else SHARE]:
                number = next(numbers)
                # Each is of a transaction and an instant of its own, or it would be known already.
                text = json.dumps(poisoned(example, path))
                text = text.replace(examples.TIME, stamp(began + timedelta(seconds=number)))
                text = LONG.sub(f'"x-{number}"', text).replace(f'"{HERE}"', poison)
                yield f"{name} in {action}: {'/'.join(map(str, path))}", action, text
    for name, poison in POISONS.items():
        if poison.startswith('"'):
            yield f"{name} as a member of Heartbeat", "Heartbeat", f"{{{poison}: 1}}"


class Poisoner(threading.Thread):
    """Sends some of the cases, one after another; `problems` are those that went wrong."""

    def __init__(self, site, station, version, mine):
        super().__init__(daemon=True)
        self.port, self.station, self.protocol = (
            site.settings.ocpp_port,
            station,
            PROTOCOLS[version],
        )
        self.mine = mine
        self.problems, self.sent = [], []

    def run(self):
        sock = self._connect()
        for number, (name, action, payload) in enumerate(self.mine):
            said = f"{self.station[0]}-{number}"
            self.sent.append(said)
            try:
                sock.sendall(wire.frame(f'[2,"{said}","{action}",{payload}]'.encode()))
                answer = wire.answer_to(sock, said)
            except OSError as error:
                self.problems.append(f"{name}: {error}")
                sock.close()
                sock = self._connect()
            else:
                if isinstance(answer, str) and answer not in REFUSALS:
                    self.problems.append(f"{name}: {answer}")
        sock.close()

    def _connect(self):
        return wire.connect(self.port, *self.station, self.protocol)


@pytest.fixture
def site(make_site, database):
    return make_site(database, processes=("worker",))


@pytest.mark.landing
def test_poison_in_any_field_harms_nobody(site):
    known = furnish(site, 2 * (SENDERS + INNOCENTS))
    stations = iter(known.stations)
    poisoners, tellers = [], []
    for version, protocol in PROTOCOLS.items():
        found = list(cases(version))
        poisoners += [
            Poisoner(site, next(stations), version, found[first::SENDERS])
            for first in range(SENDERS)
        ]
        tellers += [Teller(site, *next(stations), known.tag, protocol) for _ in range(INNOCENTS)]
    for thread in (*tellers, *poisoners):
        thread.start()
    for poisoner in poisoners:
        poisoner.join(300)
    told.finish(tellers)
    assert [problem for poisoner in poisoners for problem in poisoner.problems] == []
    assert failures(site) == []
    with site.read() as db:
        told.Seen(tellers).check(db)
        for teller in tellers:
            told.check_once(db, teller)
        logged = set(db.scalars(select(Message.message_id)))
        for poisoner in poisoners:
            assert set(poisoner.sent) <= logged


#: Poison in the frame itself: the call, or what answers none of ours.
FRAMES = (
    '[2,"a\\u0000b","Heartbeat",{}]',
    '[2,"c","Heart\\u0000beat",{}]',
    '[2,"d","DataTransfer",{"vendorId":"\\u0000"}]',
    '[2,1e300,"Heartbeat",{}]',
    '[2,18446744073709551615,"Heartbeat",{}]',
    '[2,"e","Heartbeat",[]]',
    '[2,"f\\u0000","No\\u0000Such","\\u0000"]',
    '[3,"g\\u0000",{"status":"\\u0000"}]',
    '[4,"h\\u0000","Code\\u0000","Why\\u0000",{"a\\u0000":1}]',
    '[4,"i",17,{},"\\u0000"]',
    '[2,"j","Heartbeat",{"a":1e400}]',
    '[2,"k\\u0000","Heartbeat",{"a":1e400}]',
    '[2,"l","Heart\\u0000beat",{"a":1e400}]',
    "\0",
    '[2,"m","Heartbeat",{"\0":1}]',
)


@pytest.mark.landing
def test_poison_in_a_frame_is_kept_in_the_log(site):
    [station] = furnish(site).stations
    sock = wire.connect(site.settings.ocpp_port, *station)
    for frame in FRAMES:
        sock.sendall(wire.frame(frame.encode()))
    assert wire.ask(sock, [2, "last", "Heartbeat", {}])["currentTime"]
    sock.close()

    def kept():
        with site.read() as db:
            return len(db.scalars(select(Message.id)).all()) >= len(FRAMES)

    eventually(kept)
    assert failures(site) == []


def failures(site):
    """What the worker told of itself as a failure, also one that it got over."""
    lines = site.processes["worker"].log.read_text("utf-8").splitlines()
    words = ("[error", "Traceback", "a commit of", "not stored", "failed")
    return [line for line in lines if any(word in line for word in words)]
