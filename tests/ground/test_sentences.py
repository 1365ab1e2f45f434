"""What the business says in English is put into the reader's language, and nothing else is."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

import pytest
from flask_babel import force_locale
from jinja2 import nodes
from markupsafe import Markup

from app.domain.commands import orders
from app.domain.commands.orders.station import RESETS, TRIGGERS
from app.domain.commands.orders.tags import MODES
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Order, StopReason
from app.schemas.quirks import QUIRKS
from app.text import numbers, sentences
from app.text.sentences import translated
from tests.support.processes import ROOT
from worker.ocpp.refusals import Reason

NOW = datetime(2026, 11, 27, 21, 5, tzinfo=UTC)


@pytest.fixture
def german(app):
    """A reader of German."""
    with app.test_request_context(), force_locale("de"):
        yield


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("There is no such station.", "Diese Ladestation gibt es nicht."),
        (
            "CP-7 is archived; restore it first.",
            "CP-7 ist archiviert; stellen Sie sie zuerst wieder her.",
        ),
        ("The tag 04A2 is blocked.", "Die Karte 04A2 ist gesperrt."),
        (
            "Reservation 3 is cancelled already.",
            "Reservierung 3 ist schon aufgehoben.",
        ),
        ("4 samples · 22.41 kWh · 21.8 kW", "4 Messwerte · 22.41 kWh · 21.8 kW"),
        (
            "EVSE 1 connector 2 · Available · from 1.5 kWh → Accepted",
            "EVSE 1 Ladepunkt 2 · Verfügbar · von 1.5 kWh → Angenommen",
        ),
        (
            "The charger accepted. The charger keeps no list.",
            "Die Ladestation hat angenommen. Die Ladestation führt keine Liste.",
        ),
        (
            "StartTransaction · connector 1 · tag 04A2 · from 9.5 kWh → Accepted",
            "StartTransaction · Ladepunkt 1 · Karte 04A2 · von 9.5 kWh → Angenommen",
        ),
        ("Stop session 60: accepted", "Ladevorgang 60 stoppen: angenommen"),
        ("Stop session 60: timed out", "Ladevorgang 60 stoppen: keine Antwort"),
        ("Connector 2 out of service", "Ladepunkt 2 außer Betrieb"),
        ("accepted · timed out", "angenommen · keine Antwort"),
        ("Ask for a message: timed out", "Eine Nachricht anfordern: keine Antwort"),
        ("2 workers · 5 connected (one: 2, two: 3)", "2 Worker · 5 verbunden (one: 2, two: 3)"),
        ("The time zone is missing.", "Es fehlt: Zeitzone."),
        ("The name holds a control character.", "Der Name enthält ein Steuerzeichen."),
        ("deliveries", "Zustellungen"),
        ("Unlock: accepted", "Entriegeln: angenommen"),
        ("reservations", "Reservierungen"),
    ],
)
def test_a_sentence_is_known_by_its_shape(german, said, read):
    assert translated(said) == read


def test_what_is_not_known_stays_as_it_is(german):
    assert translated("Row A, left of the gate") == "Row A, left of the gate"
    assert translated(None) is None
    assert translated("") == ""
    assert translated(Markup("<b>accepted</b>")) == Markup("<b>accepted</b>")


def test_no_word_between_unknown_ones_is_put(german):
    for text in ("night rate: 0.35 EUR per kWh from 22:00 on", "It was cold and the snow fell"):
        assert translated(text) == text


def test_a_name_within_a_sentence_is_left_alone(german):
    assert translated("Home is archived; restore it first.").startswith("Home ist archiviert")
    assert translated("accepted, All sites: Nord") == "angenommen, All sites: Nord"


def test_markup_without_tags_stays_markup(german):
    assert isinstance(translated(Markup("accepted")), Markup)
    assert translated(Markup("a &amp; b is blocked")) == Markup("a &amp; b is blocked")


def test_a_reader_of_english_reads_what_was_said(app):
    with app.test_request_context(), force_locale("en"):
        assert translated("There is no such station.") == "There is no such station."


def test_numbers_and_days_are_those_of_the_reader(german):
    assert numbers.kwh(Decimal("1234567")) == "1\u00a0234,57\u00a0kWh"
    assert numbers.money(941, "EUR") == "9,41\u00a0€"
    assert numbers.ago(NOW - timedelta(minutes=2), NOW) == "vor 2\u00a0min"
    assert numbers.local(NOW, "minute", "Europe/Berlin") == "27. Nov. 2026, 22:05"
    assert numbers.local(NOW, "weekday") == "Freitag"
    assert numbers.local(NOW, "input") == "2026-11-27T21:05"


#: Words that are the same in German.
_THE_SAME = {"ok", "offline", "online", "progress"}


def test_every_word_of_a_chip_is_known(app, german):
    unknown = {
        (name, word)
        for name in app.jinja_env.list_templates(extensions=["html"])
        for word in chip_words(app.jinja_env, name)
        if word not in _THE_SAME and translated(word) == word
    }
    assert unknown == set()


def test_every_word_of_a_state_is_known(app, german):
    unknown = {
        (name, word)
        for name in app.jinja_env.list_templates(extensions=["html"])
        for word in state_words(app.jinja_env, name)
        if word not in _THE_SAME and translated(word) == word
    }
    assert unknown == set()


@cache
def tree_of(env, name):
    """A template as Jinja reads it."""
    source, _, _ = env.loader.get_source(env, name)
    return env.parse(source)


def state_words(env, name):
    """The words of the tables by which a template draws the state of a row."""
    tree = tree_of(env, name)
    tables = {
        one.target.name: one.node
        for one in tree.find_all(nodes.Assign)
        if isinstance(one.node, nodes.Dict) and isinstance(one.target, nodes.Name)
    }
    looked_up = {
        one.node.name
        for one in tree.find_all(nodes.Getitem)
        if isinstance(one.node, nodes.Name) and _of_a_state(one.arg)
    } | {
        one.node.node.name
        for one in tree.find_all(nodes.Call)
        if isinstance(one.node, nodes.Getattr)
        and isinstance(one.node.node, nodes.Name)
        and one.args
        and _of_a_state(one.args[0])
    }
    # What is called so holds the icons of states.
    for table in looked_up & tables.keys() - {"SHAPES"}:
        for pair in tables[table].items:
            value, key = pair.value, pair.key
            marked = [value] if isinstance(value, nodes.Call) else [*value.find_all(nodes.Call)]
            for word in [call.args[0] for call in marked] or [getattr(key, "args", [key])[0]]:
                yield word.value.replace("_", " ")


def _of_a_state(node):
    return isinstance(node, nodes.Getattr) and node.attr in ("state", "answer")


def chip_words(env, name):
    """The words that a template itself gives to chips and does not mark for translation."""
    for call in tree_of(env, name).find_all(nodes.Call):
        if getattr(call.node, "attr", getattr(call.node, "name", "")) == "chip" and call.args[1:]:
            yield from _spoken(call.args[1])


def _spoken(node):
    """The literals that an expression may come to; conditions and arguments are not said."""
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, nodes.CondExpr):
        yield from _spoken(node.expr1)
        yield from _spoken(node.expr2)
    elif isinstance(node, nodes.Or):
        yield from _spoken(node.left)
        yield from _spoken(node.right)


def test_what_a_row_says_is_read_in_the_readers_language():
    """A sentence that is put out as it stands would be English to everybody."""
    bare = re.compile(r"\{\{ ?[\w.]+\.sentence(?: or [^}]*)? ?\}\}")
    found = [
        f"{path.name}: {said}"
        for path in (ROOT / "templates").rglob("*.html")
        for said in bare.findall(path.read_text())
    ]
    assert not found, found


def test_what_an_order_chooses_among_is_known(german):
    chosen = [*TRIGGERS, *RESETS, *MODES]
    known = sentences._book("de").words
    assert not [word for word in chosen if word.replace("_", " ") not in known]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"connector": "many"}, "„Ladepunkt“ muss eine ganze Zahl sein."),
        ({}, "„Ladepunkt“ fehlt."),
    ],
)
def test_an_argument_of_an_order_is_refused_by_the_name_beside_its_field(german, given, said):
    with pytest.raises(Invalid) as refusal:
        orders.arguments(Order.UNLOCK, given)
    assert translated(refusal.value.sentence) == said


def test_what_a_stations_firmware_needs_is_asked_for_in_german(german):
    assert not [quirk.label for quirk in QUIRKS.values() if translated(quirk.label) == quirk.label]
    assert not [quirk.help for quirk in QUIRKS.values() if translated(quirk.help) == quirk.help]


@pytest.mark.parametrize("reason", StopReason)
def test_why_a_session_ended_is_read_in_words_that_are_known(german, reason):
    told = translated(f"Session ended · {reason.said('DoorOpened')}")
    known = reason is not StopReason.OTHER
    assert told.startswith("Ladevorgang beendet · ")
    assert (reason.said(None) not in told) if known else told.endswith("DoorOpened")


def test_a_word_of_ocpp_is_read_in_its_parts(german):
    assert translated("session 57 · at 7 kWh · PowerLoss").endswith(" · Stromausfall")
    assert translated("EVDisconnected") == "Auto abgesteckt"
    assert translated("SuspendedEV") == "Pausiert vom Auto"
    assert translated("Ended · SoCLimitReached") == "Beendet · Ladestand erreicht"
    assert translated("stopped: DeAuthorized") == "beendet: Berechtigung entzogen"
    for name in ("CHARGING", "charging-1", "NoSuchWord", "Mr.PowerLoss"):
        assert translated(name) == name


def test_a_word_of_a_station_that_is_not_known_stays_and_a_known_one_is_written_out():
    assert StopReason.EV_DISCONNECTED.said("EVDisconnected") == "EV disconnected"
    assert StopReason.STOPPED_BY_EV.said(None) == "stopped by EV"
    assert StopReason.NEVER_REPORTED.said(None) == "never reported"
    assert StopReason.OTHER.said("DoorOpened") == "DoorOpened"


@pytest.mark.parametrize("reason", Reason)
def test_why_a_charger_was_turned_away_is_read_in_german(german, reason):
    assert translated(reason.sentence) != reason.sentence


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (
            "The password is wrong. Its certificate is good; raise its security profile to 3 and "
            "it needs no password.",
            "Das Passwort ist falsch. Ihr Zertifikat ist gültig; mit Sicherheitsprofil 3 braucht "
            "sie kein Passwort.",
        ),
        ("its password was changed", "ihr Passwort wurde geändert"),
        (
            "The certificate is not good for this station. It names Acme and not Ampdesk GmbH.",
            "Das Zertifikat gilt nicht für diese Ladestation. Es nennt Acme und nicht "
            "Ampdesk GmbH.",
        ),
        (
            "The request is no WebSocket handshake. The header Upgrade: websocket is missing.",
            "Die Anfrage ist kein WebSocket-Handshake. Der Header Upgrade: websocket fehlt.",
        ),
        ("Set Foo to a: b: accepted", "Foo auf a: b setzen: angenommen"),
        ("no price: " * 1500, "no price: " * 1500),
        ("connectorId has the wrong type", "connectorId hat den falschen Typ"),
        ("The message is not a JSON array.", "Die Nachricht ist kein JSON-Array."),
    ],
)
def test_what_the_worker_notes_is_read_in_german(german, said, read):
    assert translated(said) == read
