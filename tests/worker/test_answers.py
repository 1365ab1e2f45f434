"""What the end of a call means: who hung up decides whether a restart was obeyed (FIELD K4)."""

import pytest

from app.domain.commands.orders.spec import End
from app.domain.ground.vocabulary import CommandState, Order
from worker.answers import end_of, outcome_of, understood
from worker.dialects import DIALECTS
from worker.dialects.records import Encoding
from worker.ocpp import schemas
from worker.ocpp.events import Answered, Cancelled, Expired, OurCall, Refused, TimedOut
from worker.ocpp.frames import parse
from worker.ocpp.versions import Fault, Version

ENCODING = Encoding("Reset", lambda given: {})


def call(action="Reset", sent_at=1.0):
    return OurCall("m", action, {}, "", 0.0, None, 30.0, sent_at=sent_at)


def outcome_after(event, **given):
    return outcome_of(Version.V16, event, ENCODING, {}, **given)


@pytest.mark.parametrize(
    ("action", "sent_at", "by_us", "state"),
    [
        ("Reset", 1.0, False, CommandState.ACCEPTED),
        ("Reset", 1.0, True, CommandState.FAILED),
        ("Reset", None, False, CommandState.EXPIRED),
        ("ClearCache", 1.0, False, CommandState.FAILED),
    ],
)
def test_whoever_hangs_up_on_a_restart_has_obeyed_unless_we_hung_up(action, sent_at, by_us, state):
    assert outcome_after(Cancelled(call(action, sent_at)), by_us=by_us).state is state


@pytest.mark.parametrize(
    ("event", "end"),
    [
        (TimedOut(call()), End.SILENT),
        (Expired(call()), None),
        (Cancelled(call()), None),
        (Answered(call(), {"status": "Rejected"}, 0.1, ""), End.REFUSED),
        (Answered(call(), {"status": "NotImplemented"}, 0.1, ""), None),
        (Answered(call(), {"status": "Accepted"}, 0.1, ""), None),
        (Refused(call(), Fault.INTERNAL, "InternalError", "", {}, 0.1, ""), End.ERROR),
        (Refused(call(), Fault.NOT_IMPLEMENTED, "NotImplemented", "", {}, 0.1, ""), None),
    ],
)
def test_only_what_another_form_could_mend_is_tried_again(event, end):
    assert end_of(event, outcome_after(event)) is end


def test_an_answer_that_cannot_be_read_is_a_failure_and_says_so():
    outcome = outcome_after(Answered(call(), {"state": "Accepted"}, 0.1, ""))
    assert outcome.state is CommandState.FAILED
    assert outcome.sentence.startswith("The charger's answer cannot be understood: ")


def unlocked(answer, *, strict=False):
    """What comes of an answer to an order to unlock, and the repairs that it needed."""
    encoding = DIALECTS[Version.V16].orders[Order.UNLOCK]
    event = Answered(call("UnlockConnector"), answer, 0.1, "")
    heard = understood(event, Version.V16, strict=strict)
    return outcome_of(Version.V16, heard, encoding, {}).state, heard.notes


@pytest.mark.parametrize(
    ("answer", "notes"),
    [
        ({"status": "Unlocked"}, ()),
        ({"status": "unlocked"}, ("word_spelling",)),
        ({"status": " UNLOCKED "}, ("word_spelling",)),
        ({"Status": "Unlocked"}, ("member_spelling",)),
        ({"STATUS": "unlocked", "vendor": 1}, ("member_spelling", "word_spelling")),
    ],
)
def test_a_yes_is_known_in_other_letters(answer, notes):
    assert unlocked(answer) == (CommandState.ACCEPTED, notes)
    strict = CommandState.REJECTED if notes else CommandState.ACCEPTED
    state = unlocked(answer, strict=True)[0]
    assert state is strict or (state is CommandState.FAILED and "status" not in answer)


def test_what_an_answer_says_beyond_its_schema_is_kept():
    event = Answered(call(), {"status": "accepted", "vendor": 1}, 0.1, "")
    assert outcome_after(understood(event, Version.V16, strict=False)).answer["vendor"] == 1


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        ('[4,"m"]', "The charger answered with the error GenericError."),
        ('[4,"m",17,{"a":1}]', 'The charger answered with the error 17: {"a":1}'),
        ('[4,"m"," ",null,"x"]', "The charger answered with the error GenericError."),
        (
            '[3,"m",["Accepted"]]',
            "The charger's answer cannot be understood: the answer is not an object.",
        ),
    ],
)
def test_no_error_leaves_a_hole_in_its_sentence(frame, sentence):
    error = parse(frame, Version.V16)
    event = Refused(call(), error.fault, error.code, error.description, error.details, 0.1, frame)
    assert outcome_after(event).sentence == sentence


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("odd", [[], [{}], {}, "", None, 10**400], ids=str)
def test_an_order_ends_whatever_its_charger_answers(version, odd):
    for encoding in DIALECTS[version].orders.values():
        for member in ("status", *(result_members(version, encoding.action))):
            answer = {"status": "Accepted", member: odd}
            event = Answered(call(encoding.action), answer, 0.1, "")
            assert outcome_of(version, event, encoding, {}).sentence


def result_members(version, action):
    """What an answer may hold by its schema."""
    name = schemas._file_names(version).get((action, "result"))
    return schemas._read(version, name)["properties"] if name else ()
