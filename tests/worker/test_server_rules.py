"""The rules of OCPP-J and of booting on a real socket, for each version (FIELD 1.8, 2.1, 2.2)."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from sqlalchemy import select
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order, Registration
from app.domain.network import stations
from app.models import Deviation, Message, Station
from tests.dialects.replay import Stage
from tests.support.wait import eventually
from tests.worker.test_commands import hear_call, queue, settled

pytestmark = pytest.mark.processes

NOW = "2026-03-02T09:00:00Z"


@dataclass(frozen=True)
class Dialect:
    """How one version says what the tests say."""

    version: str
    boot: dict
    status: dict
    wrong_form: str
    wrong_count: str


OLD = Dialect(
    "1.6",
    {"chargePointVendor": "Acme", "chargePointModel": "One"},
    {"connectorId": 1, "errorCode": "NoError", "status": "Available"},
    "FormationViolation",
    "OccurenceConstraintViolation",
)
NEW_STATUS = {"timestamp": NOW, "connectorStatus": "Available", "evseId": 1, "connectorId": 1}
NEW_BOOT = {"reason": "PowerUp", "chargingStation": {"model": "One", "vendorName": "Acme"}}
NEWER = Dialect("2.0.1", NEW_BOOT, NEW_STATUS, "FormatViolation", "OccurrenceConstraintViolation")
NEWEST = Dialect("2.1", NEW_BOOT, NEW_STATUS, NEWER.wrong_form, NEWER.wrong_count)


@pytest.fixture(params=[OLD, NEWER, NEWEST], ids=lambda dialect: dialect.version)
def dialect(request):
    return request.param


@pytest.fixture(scope="module")
def site(make_shared_site, authority):
    return make_shared_site(
        processes=("worker",),
        trusted_proxies="127.0.0.0/8",
        ocpp_cpo_name="Volt",
        ocpp_client_cert_header="X-SSL-Client-Cert",
        ocpp_tls_client_ca=authority.root.cert_file,
    )


@pytest.fixture
def stage(site, dialect):
    stage = Stage(site, dialect.version)
    yield stage
    stage.close()


def say(stage, message_id, action, payload):
    """Send a call and return its answer."""
    stage.socket.send(json.dumps([2, message_id, action, payload]))
    return json.loads(stage.socket.recv(timeout=30))


def register(site, stage, registration):
    """Change how the next boot is answered."""
    with site.work() as db:
        station = db.scalar(select(Station).where(Station.identity == stage.identity))
        stations.set_registration(db, SYSTEM, station, registration, now=datetime.now(UTC))


def deviation(site, stage, code):
    """The example of a named deviation of the station, if it has it."""
    with site.read() as db:
        query = select(Deviation.example).join(Station, Deviation.station_id == Station.id)
        found = query.where(Station.identity == stage.identity, Deviation.code == code)
        return db.scalar(found)


def logged(site, stage, *wanted):
    """How many messages of the station are in the log, of those that are wanted."""
    with site.read() as db:
        query = db.query(Message).join(Station, Message.station_id == Station.id)
        return query.filter(Station.identity == stage.identity, *wanted).count()


# ---- booting ----


def test_messages_while_pending_security_error(site, stage, dialect):
    stage.set_up(registration="pending")
    for action, payload in (("Heartbeat", {}), ("StatusNotification", dialect.status)):
        assert say(stage, "1", action, payload)[:3] == [4, "1", "SecurityError"]
    answer = say(stage, "2", "BootNotification", dialect.boot)
    assert (answer[0], answer[2]["status"]) == (3, "Pending")
    assert answer[2]["interval"] > 0
    assert say(stage, "3", "StatusNotification", dialect.status)[:3] == [4, "3", "SecurityError"]
    register(site, stage, Registration.ACCEPTED)
    message_id, action, asked = hear_call(stage)
    assert (action, asked) == ("TriggerMessage", {"requestedMessage": "BootNotification"})
    stage.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    assert say(stage, "4", "BootNotification", dialect.boot)[2]["status"] == "Accepted"
    assert say(stage, "5", "StatusNotification", dialect.status) == [3, "5", {}]


def test_triggered_allowed_while_pending(site, stage, dialect):
    stage.set_up(registration="pending")
    say(stage, "1", "BootNotification", dialect.boot)
    number = queue(site, stage.identity, Order.TRIGGER, {"message": "status", "connector": 1})
    message_id, action, _ = hear_call(stage)
    assert action == "TriggerMessage"
    stage.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    assert settled(site, number)[0] is CommandState.ACCEPTED
    assert say(stage, "2", "StatusNotification", dialect.status) == [3, "2", {}]
    assert say(stage, "3", "Heartbeat", {})[:3] == [4, "3", "SecurityError"]


def test_a_report_that_was_asked_for_is_allowed_while_pending(site, stage, dialect):
    if dialect is OLD:
        return  # 1.6 knows no reports
    stage.set_up(registration="pending")
    say(stage, "1", "BootNotification", dialect.boot)
    report = {"requestId": 1, "generatedAt": NOW, "seqNo": 0}
    assert say(stage, "2", "NotifyReport", report)[:3] == [4, "2", "SecurityError"]
    number = queue(site, stage.identity, Order.READ_BASE_REPORT, {"base": "summary"})
    message_id, action, payload = hear_call(stage)
    assert action == "GetBaseReport"
    stage.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    assert settled(site, number)[0] is CommandState.ACCEPTED
    report["requestId"] = payload["requestId"]
    assert say(stage, "3", "NotifyReport", report) == [3, "3", {}]


def test_a_pending_station_charges_nobody(site, stage, dialect):
    stage.set_up(registration="pending")
    say(stage, "1", "BootNotification", dialect.boot)
    with pytest.raises(Conflict, match="pending"):
        queue(site, stage.identity, Order.START_CHARGING, {"token": "04A2", "connector": 1})


def test_a_rejected_station_is_sent_nothing_and_served_nothing(site, stage, dialect):
    stage.set_up(registration="rejected")
    assert say(stage, "1", "BootNotification", dialect.boot)[2]["status"] == "Rejected"
    assert say(stage, "2", "Heartbeat", {})[:3] == [4, "2", "SecurityError"]
    with pytest.raises(Conflict, match="rejected"):
        queue(site, stage.identity, Order.CLEAR_CACHE, {})


def test_reconnect_without_boot_serves_messages(stage, dialect):
    stage.set_up()
    assert say(stage, "1", "BootNotification", dialect.boot)[2]["status"] == "Accepted"
    stage.close()
    assert say(stage, "2", "StatusNotification", dialect.status) == [3, "2", {}]


def test_what_was_pending_stays_pending_on_a_new_connection(stage, dialect):
    stage.set_up(registration="pending")
    say(stage, "1", "BootNotification", dialect.boot)
    stage.close()
    assert say(stage, "2", "Heartbeat", {})[:3] == [4, "2", "SecurityError"]


def test_boot_repeat_same_id_answered(stage, dialect):
    stage.set_up()
    for _ in range(4):
        answer = say(stage, "1000001", "BootNotification", dialect.boot)
        assert (answer[:2], answer[2]["status"]) == ([3, "1000001"], "Accepted")


def test_null_payload_heartbeat(stage, dialect):
    stage.set_up()
    say(stage, "1", "BootNotification", dialect.boot)
    for text in ('[2,"2","Heartbeat",null]', '[2,"2","Heartbeat"]'):
        stage.socket.send(text)
        assert json.loads(stage.socket.recv(timeout=30))[:2] == [3, "2"]


# ---- frames ----


def test_error_code_spelling_per_version(stage, dialect):
    stage.set_up(validation="strict")
    say(stage, "0", "BootNotification", dialect.boot)
    missing = dict(list(dialect.status.items())[1:])
    wrong = {**dialect.status, "connectorId": "one"}
    extra = {**dialect.status, "colour": "red"}
    cases = [
        ("StatusNotification", missing, dialect.wrong_count),
        ("StatusNotification", wrong, "TypeConstraintViolation"),
        ("StatusNotification", extra, dialect.wrong_form),
        ("Heartbeat", [], dialect.wrong_form),
        ("NoSuchThing", {}, "NotImplemented"),
        ("statusnotification", dialect.status, "NotImplemented"),
    ]
    for number, (action, payload, code) in enumerate(cases):
        answer = say(stage, str(number), action, payload)
        assert answer[:3] == [4, str(number), code], (action, payload)
        assert answer[4] == {}


def test_unknown_types_and_unreadable_ids(stage, dialect):
    stage.set_up()
    say(stage, "0", "BootNotification", dialect.boot)
    stage.socket.send('[9,"1",{}]')
    stage.socket.send("[2,[[],[]")
    stage.socket.send('[2,{"id":1},"Heartbeat",{}]')
    told = [[4, "1", "MessageTypeNotSupported"], [4, "-1", "RpcFrameworkError"], [3, {"id": 1}]]
    for one in told[2:] if dialect is OLD else told:
        assert json.loads(stage.socket.recv(timeout=30))[: len(one)] == one
    assert say(stage, "2", "Heartbeat", {})[:2] == [3, "2"]


@pytest.mark.parametrize(
    "rest",
    ['"NotSupported"', '"NotSupported",""', '"NotSupported",null,null', '"Notsupported","x","y",7'],
)
def test_malformed_callerror(site, stage, dialect, rest):
    stage.set_up()
    say(stage, "0", "BootNotification", dialect.boot)
    number = queue(site, stage.identity, Order.CLEAR_CACHE, {})
    message_id, _, _ = hear_call(stage)
    stage.socket.send(f'[4,"{message_id}",{rest}]')
    assert settled(site, number)[0] is CommandState.UNSUPPORTED
    assert say(stage, "1", "Heartbeat", {})[:2] == [3, "1"]


def test_crossing_calls(site, stage, dialect):
    stage.set_up()
    say(stage, "0", "BootNotification", dialect.boot)
    number = queue(site, stage.identity, Order.CLEAR_CACHE, {})
    message_id, _, _ = hear_call(stage)
    assert say(stage, "1", "StatusNotification", dialect.status) == [3, "1", {}]
    assert say(stage, message_id, "Heartbeat", {})[:2] == [3, message_id]
    stage.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    assert settled(site, number)[0] is CommandState.ACCEPTED


def test_a_message_of_another_version_is_tagged(site, stage, dialect):
    stage.set_up()
    say(stage, "0", "BootNotification", dialect.boot)
    other = NEWER if dialect is OLD else OLD
    answer = say(stage, "1", "StatusNotification", other.status)
    assert answer[:3] == [4, "1", dialect.wrong_count]
    example = eventually(lambda: deviation(site, stage, "other_version"), what="the deviation")
    assert example == f"StatusNotification as in OCPP {other.version}"


def test_2_1_alone_takes_what_is_sent_and_sends_bad_answers_back(site, stage, dialect):
    stage.set_up(validation="strict")  # CALLRESULTERROR ends some clients
    say(stage, "0", "BootNotification", dialect.boot)
    stream = {"id": 1, "pending": 0, "basetime": NOW, "data": [{"t": 0, "v": "230.4"}]}
    stage.socket.send(json.dumps([6, "s", "NotifyPeriodicEventStream", stream]))
    number = queue(site, stage.identity, Order.CLEAR_CACHE, {})
    heard = json.loads(stage.socket.recv(timeout=30))
    if dialect is NEWER:
        assert heard[:3] == [4, "s", "MessageTypeNotSupported"]
        heard = json.loads(stage.socket.recv(timeout=30))
    assert heard[2] == "ClearCache"
    stage.socket.send(json.dumps([3, heard[1], {}]))
    assert settled(site, number)[0] is CommandState.FAILED
    answer = say(stage, "1", "Heartbeat", {})
    if dialect is NEWEST:
        assert answer[:3] == [5, heard[1], "OccurrenceConstraintViolation"]
        sent_back = Message.error_code == "OccurrenceConstraintViolation"
        eventually(lambda: logged(site, stage, Message.action == "ClearCache", sent_back))
        stage.socket.send(json.dumps([5, "1", "GenericError", "so there", {}]))
        answer = json.loads(stage.socket.recv(timeout=30))
        assert say(stage, "2", "Heartbeat", {})[:2] == [3, "2"]
    assert answer[:2] == [3, "1"]


# ---- certificate and serial number ----


def dial(site, stage, pair):
    """A connection that a proxy made for a station which showed its certificate."""
    secret = base64.b64encode(f"{stage.identity}:{stage.password}".encode()).decode()
    return connect(
        f"{site.charger_url}/{stage.identity}",
        subprotocols=[f"ocpp{stage.version}"],
        additional_headers={
            "Authorization": f"Basic {secret}",
            "X-Forwarded-Proto": "https",
            "X-SSL-Client-Cert": quote(pair.pem),
        },
        open_timeout=60,
        proxy=None,
    )


def boot_text(dialect, serial):
    if dialect is OLD:
        return json.dumps(
            [2, "1", "BootNotification", {**OLD.boot, "chargePointSerialNumber": serial}]
        )
    about = {**NEW_BOOT["chargingStation"], "serialNumber": serial}
    return json.dumps([2, "1", "BootNotification", {"reason": "PowerUp", "chargingStation": about}])


def test_a_certificate_in_the_name_of_the_identity_says_nothing_of_serial_numbers(
    site, stage, dialect, authority
):
    stage.set_up(security_profile=3, validation="strict")
    with dial(site, stage, authority.station(stage.identity)) as charger:
        charger.send(boot_text(dialect, f"OWN-{stage.identity}"))
        assert json.loads(charger.recv(timeout=30))[2]["status"] == "Accepted"


def test_the_serial_number_must_be_that_of_the_certificate(site, stage, dialect, authority):
    serial = f"SN-{stage.identity}"
    quirks = {"certificate_name": serial}
    stage.set_up(security_profile=3, validation="strict", quirks=quirks)
    with dial(site, stage, authority.station(serial)) as charger:
        charger.send(boot_text(dialect, serial))
        assert json.loads(charger.recv(timeout=30))[2]["status"] == "Accepted"
        charger.send(boot_text(dialect, "SN-OTHER"))
        if dialect is OLD:  # the rule is of 2.x
            assert json.loads(charger.recv(timeout=30))[0] == 3
            return
        with pytest.raises(ConnectionClosed) as closed:
            charger.recv(timeout=30)
    assert closed.value.rcvd.code == 1008

    def refused():
        with site.read() as db:
            query = select(Message.error_description).join(
                Station, Message.station_id == Station.id
            )
            mine = query.where(
                Station.identity == stage.identity, Message.error_code == "SecurityError"
            )
            return db.scalar(mine)

    assert "serial number" in eventually(refused, what="the refusal in the log")
    with site.read() as db:
        station = db.scalar(select(Station).where(Station.identity == stage.identity))
        assert station.serial == serial
