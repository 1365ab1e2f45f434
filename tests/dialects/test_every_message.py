"""Every message of every version: examples are taken, and what breaks them has its exact error."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator

import pytest
from _pytest.mark import ParameterSet

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM, MessageOutcome, StationMode
from app.extensions import db as flask_db
from tests.conftest import NOW, make_app
from tests.support import examples
from tests.support.line import Line
from tests.support.stations import depot_of, register
from worker.dialects import DIALECTS
from worker.ocpp import schemas
from worker.ocpp.connection import Connection
from worker.ocpp.events import Answered
from worker.ocpp.versions import Fault, Version

#: What each breach is called on the wire: 1.6 has two misspelt codes on purpose (errata 5.1, 5.2).
_CODES_2X = {
    "extra": "FormatViolation",
    "wrong type": "TypeConstraintViolation",
    "missing": "OccurrenceConstraintViolation",
    "too few": "OccurrenceConstraintViolation",
    "too many": "OccurrenceConstraintViolation",
    "too long": "PropertyConstraintViolation",
    "too small": "PropertyConstraintViolation",
    "too great": "PropertyConstraintViolation",
    "unknown word": "PropertyConstraintViolation",
    "no time": "PropertyConstraintViolation",
    "no address": "PropertyConstraintViolation",
}
_CODES_16 = {
    **_CODES_2X,
    "extra": "FormationViolation",
    "missing": "OccurenceConstraintViolation",
    "too few": "OccurenceConstraintViolation",
    "too many": "OccurenceConstraintViolation",
}
CODES = {Version.V16: _CODES_16, Version.V201: _CODES_2X, Version.V21: _CODES_2X}

#: 2.1 says nearly all that 2.0.1 does, by the same code: the latter is tried at landing.
MARKS = {Version.V201: [pytest.mark.landing]}


def cases(actions: Callable[[Version], Iterable[str]]) -> list[ParameterSet]:
    """Each action of each version."""
    return [
        pytest.param(version, action, id=f"{version.value}-{action}", marks=MARKS.get(version, []))
        for version in Version
        for action in actions(version)
    ]


MESSAGES = cases(examples.actions)
HEARD = cases(lambda version: sorted(DIALECTS[version].routes))
ANSWERED = cases(
    lambda version: (
        action
        for action in sorted(DIALECTS[version].routes)
        if not schemas.wants_no_answer(version, action)
    )
)
SAID = cases(
    lambda version: (
        action
        for action in examples.actions(version)
        if action not in DIALECTS[version].routes or action == "DataTransfer"
    )
)


@pytest.fixture(scope="module")
def lines(tmp_path_factory, migrated) -> Iterator[dict[tuple[Version, bool], Line]]:
    """A booted station per version and mode, on one database."""
    folder = tmp_path_factory.mktemp("messages")
    shutil.copy(migrated, folder / "ampdesk.sqlite3")
    app = make_app(folder)
    with app.app_context():
        session = flask_db.session()
        tenant_id = depot_of(session, now=NOW).tenant_id
        tags.add(session, SYSTEM, tenant_id, now=NOW, value="04A2B3C4")
        found = {}
        for version in Version:
            for strict in (True, False):
                identity = f"CP-{version.value}-{'strict' if strict else 'tolerant'}"
                station = register(session, identity, connectors=2, now=NOW)
                station.mode = StationMode.OPEN
                session.flush()
                found[version, strict] = Line(app, station, version, strict=strict)
        session.commit()
        for (version, _), line in found.items():
            assert line.ask("BootNotification", examples.least(version, "BootNotification"))
        yield found
        for line in found.values():
            line.end()
        flask_db.session.remove()
        flask_db.engine.dispose()


def chosen(version, action):
    """All that can be wrong with a message's own members, and each kind of it once further in."""
    seen = set()
    for breach in examples.breaches(version, action):
        inner = "/" in breach.path
        if inner and breach.kind in seen:
            continue
        seen.add(breach.kind)
        yield breach


@pytest.mark.parametrize(("version", "action"), MESSAGES)
def test_examples_keep_to_the_schema_and_each_breach_has_its_name(version, action):
    for kind in ("call", "result"):
        if schemas.validator_for(version, action, kind) is None:
            continue
        for example in (examples.least, examples.most):
            assert schemas.violation(version, action, kind, example(version, action, kind)) is None
        for breach in examples.breaches(version, action, kind):
            found = schemas.violation(version, action, kind, breach.payload)
            assert found is not None, breach.path
            assert found.fault.spelled(version) == CODES[version][breach.kind], breach.path


@pytest.mark.parametrize(("version", "action"), HEARD)
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "tolerant"])
def test_a_valid_message_gets_a_valid_answer(lines, version, action, strict):
    line = lines[version, strict]
    for example in (examples.least, examples.most):
        payload = example(version, action)
        if schemas.wants_no_answer(version, action):
            assert line.tell(action, payload) is MessageOutcome.ANSWERED
            continue
        answer = line.ask(action, payload)
        assert answer is not None, "the worker kept silent"
        assert answer[0] == 3, answer
        assert schemas.violation(version, action, "result", answer[2]) is None


@pytest.mark.parametrize(("version", "action"), ANSWERED)
def test_a_station_that_is_kept_to_the_letter_gets_the_exact_code(lines, version, action):
    for breach in chosen(version, action):
        answer = lines[version, True].ask(action, breach.payload)
        assert answer is not None, breach
        assert answer[0] == 4, (breach.kind, breach.path)
        assert answer[2] == CODES[version][breach.kind], breach.path


@pytest.mark.parametrize(("version", "action"), ANSWERED)
def test_a_tolerated_station_is_understood_or_told_the_same_code(lines, version, action):
    route, line = DIALECTS[version].routes[action], lines[version, False]
    for breach in chosen(version, action):
        answer = line.ask(action, breach.payload)
        assert answer is not None, (breach.kind, breach.path)
        if answer[0] == 3:
            assert schemas.violation(version, action, "result", answer[2]) is None
        elif route.money:
            # What stands for kilowatt-hours is refused only where nothing can be read from it.
            assert answer[2] in set(CODES[version].values()), (breach.kind, breach.path)
        else:
            assert answer[2] == CODES[version][breach.kind], (breach.kind, breach.path)


@pytest.mark.parametrize(("version", "action"), SAID)
def test_what_we_say_is_checked_and_what_is_answered_is_read(version, action):
    for example in (examples.least, examples.most):
        csms = Connection(version, "csms", new_id=lambda: "1")
        csms.call(action, example(version, action), 0)
        assert len(csms.outgoing()) == 1
        answer = [3, "1", example(version, action, "result")]
        [event] = csms.receive_text(json.dumps(answer), 1)
        assert isinstance(event, Answered)
        assert event.complaint is None
    for breach in chosen(version, action):
        csms = Connection(version, "csms")
        with pytest.raises(schemas.Violation) as refused:
            csms.call(action, breach.payload, 0)
        assert refused.value.fault.spelled(version) == CODES[version][breach.kind]
        assert csms.outgoing() == []


def test_a_message_that_the_version_lacks_is_not_implemented(lines):
    for (version, _), line in lines.items():
        answer = line.ask("NoSuchMessage", {})
        assert answer is not None
        assert answer[2] == Fault.NOT_IMPLEMENTED.spelled(version) == "NotImplemented"
    answer = lines[Version.V16, True].ask("TransactionEvent", {})
    assert answer is not None
    assert answer[2] == "NotImplemented"
