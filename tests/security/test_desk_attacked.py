"""A running desk, attacked from outside: it goes on answering everybody else."""

import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from flask.sessions import SecureCookieSessionInterface

from app.domain.device import files
from app.domain.ground import events
from app.domain.ground.vocabulary import SYSTEM, FileJobKind
from app.domain.network import sites as site_book
from app.domain.network import stations, tenants
from app.domain.office import staff
from app.domain.office.sign_ins import digest
from app.models import FileJob, Station, User
from app.web.file_store import UPLOADS, Store
from tests.support import seed

pytestmark = [pytest.mark.processes, pytest.mark.landing, pytest.mark.timeout(600)]

PASSWORD = "correct horse battery"
#: More than the desk holds of anything.
CROWD = 1100
#: Far more than an answer takes of an idle computer, and far less than for ever.
SOON_S = 8.0
#: Who is not answered for so long is kept out, however busy the computer is.
NEVER_S = 150.0


def soon_s():
    """Within which somebody is served, in seconds: longer by those who wait for each core."""
    return min(NEVER_S, SOON_S * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


@pytest.fixture(scope="module")
def site(make_shared_site):
    """A desk without a worker, with two places and three members of staff."""
    site = make_shared_site(processes=("web",), upload_max_bytes=400_000, files_quota_bytes=600_000)
    now = datetime.now(UTC)
    with site.work() as db:
        tenant_id = tenants.first(db, now=now).id
        places = [
            site_book.add(
                *(db, SYSTEM, tenant_id), now=now, name=name, timezone="UTC", currency="EUR"
            )
            for name in ("Here", "There")
        ]
        for name, place in zip(("CP-HERE", "CP-THERE"), places, strict=True):
            stations.register(db, SYSTEM, tenant_id, place, name, now=now)
        for name, reach in (("grace", []), ("otto", []), ("near", [places[0].id])):
            user = staff.create(
                db, SYSTEM, tenant_id=tenant_id, email=f"{name}@example.org", name=name,
                role="admin", password=PASSWORD, site_ids=reach, now=now,
            )  # fmt: skip
            seed.let_in(db, user)
    return site


def person(site, name):
    with site.read() as db:
        return db.query(User.id).filter_by(email_key=f"{name}@example.org").scalar()


def cookie_of(site, name):
    signer = SecureCookieSessionInterface().get_signing_serializer(site.app)
    secret = seed.cookie_of(person(site, name))
    return "ampdesk=" + signer.dumps({"_user_id": secret, "_fresh": True})


def connect(site):
    found = socket.create_connection(("127.0.0.1", site.settings.web_port), timeout=20)
    return found


def ask(site, method, path, body=None, cookie=""):
    """One request on a connection of its own; returns status, text and the cookies set."""
    connection = http.client.HTTPConnection("127.0.0.1", site.settings.web_port, timeout=NEVER_S)
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        given = answer.headers.get_all("Set-Cookie") or []
        text = answer.read().decode()
        return answer.status, text, "; ".join(one.split(";")[0] for one in given)
    finally:
        connection.close()


def answer_time(site, path="/sign-in"):
    """How long somebody else waits for a page, in seconds."""
    began = time.monotonic()
    assert ask(site, "GET", path)[0] == 200
    return time.monotonic() - began


@contextmanager
def crowd(site, text: str, count: int = CROWD) -> Iterator[list[socket.socket]]:
    """So many connections that send this and no more."""
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            one = stack.enter_context(connect(site))
            one.sendall(text.encode())
            made.append(one)
        yield made


UNSENT = {
    "nothing at all": "",
    "half a head": "GET /sign-in HTTP/1.1\r\nHost: desk\r\nX-More:",
    "a head without its body": "POST /sign-in HTTP/1.1\r\nHost: desk\r\nContent-Length: 1000\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n\r\nemail=",
    "a file that does not come": "PUT /u/nothing HTTP/1.1\r\nHost: desk\r\n"
    "Transfer-Encoding: chunked\r\n\r\n",
}


#: What waits for a request, and what for the rest of one; the others wait at the same places.
BY_DAY = {"nothing at all", "a head without its body"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, id=name, marks=() if name in BY_DAY else pytest.mark.nightly)
        for name, text in UNSENT.items()
    ],
)
def test_requests_that_never_arrive_keep_nobody_out(site, text):
    with crowd(site, text):
        assert max(answer_time(site) for _ in range(5)) < soon_s()


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (
            "GET /api/v1/tags?q={} HTTP/1.1\r\nHost: desk".format("x" * 4_094),
            414,
            "address_too_long",
        ),
        ("GET / HTTP/1.1\r\nHost: desk\r\nX Y: 1", 400, "bad_request"),
        ("GET / HTTP/1.1\r\nHost: desk\r\nExpect: a-miracle", 417, "unknown_expectation"),
        (f"GET / HTTP/1.1\r\nHost: desk\r\nX: {'y' * 9_000}", 431, "headers_too_large"),
        ("GET / HTTP/1.1\r\nHost: desk\r\n" + "X: 1\r\n" * 64, 431, "headers_too_large"),
        (
            "POST / HTTP/1.1\r\nHost: desk\r\nTransfer-Encoding: odd, chunked",
            *(501, "unknown_coding"),
        ),
    ],
)
def test_what_no_page_ever_sees_is_refused_as_the_api_refuses(site, head, status, code):
    with connect(site) as sock:
        sock.sendall(f"{head}\r\n\r\n".encode())
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        told = json.loads(answer.read())
        assert (answer.status, told["status"], told["code"]) == (status, status, code)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert told["title"].upper() == answer.reason and told["detail"]


def test_a_connection_is_kept_for_the_next_request_and_not_for_a_first_that_never_comes(site):
    head = b"GET /sign-in HTTP/1.1\r\nHost: desk\r\n\r\n"
    with ExitStack() as stack:
        used, unused = stack.enter_context(connect(site)), stack.enter_context(connect(site))
        used.sendall(head)
        answer = http.client.HTTPResponse(used)
        answer.begin()
        assert answer.status == 200 and answer.read()
        assert unused.recv(1) == b""  # let go after its five seconds
        used.sendall(head)
        assert used.recv(12) == b"HTTP/1.1 200"


def test_a_thousand_streams_of_one_person_keep_nobody_out(site):
    head = f"GET /live HTTP/1.1\r\nHost: desk\r\nCookie: {cookie_of(site, 'grace')}\r\n\r\n"
    with crowd(site, head):
        answer_time(site)  # all that they asked for is worked off before; their streams do not end
        assert max(answer_time(site) for _ in range(5)) < soon_s()


def test_of_one_persons_streams_the_oldest_ends_and_says_to_ask(site):
    with ExitStack() as stack:
        opened = [stack.enter_context(stream(site, "grace")) for _ in range(11)]
        told = "".join(opened[0])
        assert "event: degraded" in told and "retry: 30000" in told
        assert next(opened[-1])


def attempt(site, email, password="wrong"):
    """One try at the sign-in by a browser of its own, to be made when it is called."""
    _, page, cookie = ask(site, "GET", "/sign-in")
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    form = urlencode({"email": email, "password": password, "csrf_token": token})
    return lambda: ask(site, "POST", "/sign-in", form, cookie)[0]


def at_once(acts):
    with ThreadPoolExecutor(len(acts)) as pool:
        return [done.result() for done in [pool.submit(act) for act in acts]]


def forget_attempts(site):
    redis = site.app.extensions["redis"]
    for key in redis.scan_iter("LIMITS*"):
        redis.delete(key)


def test_a_race_passes_no_budget(site):
    forget_attempts(site)
    statuses = at_once([attempt(site, "grace@example.org") for _ in range(60)])
    assert statuses.count(422) + statuses.count(503) <= 8
    assert set(statuses) <= {422, 429, 503}


def test_parallel_sign_ins_keep_nobody_out(site):
    forget_attempts(site)
    acts = [attempt(site, f"nobody{number}@example.org") for number in range(60)]
    with ThreadPoolExecutor(60) as pool:
        tried = [pool.submit(act) for act in acts]
        waits = [answer_time(site) for _ in range(10)]
        assert {done.result() for done in tried} <= {422, 429, 503}
    assert max(waits) < soon_s()


@contextmanager
def stream(site, name: str) -> Iterator[Iterator[str]]:
    """The lines of somebody's live stream."""
    connection = http.client.HTTPConnection("127.0.0.1", site.settings.web_port, timeout=20)
    try:
        connection.request("GET", "/live", headers={"Cookie": cookie_of(site, name)})
        answer = connection.getresponse()
        assert answer.status == 200
        lines = (line.decode() for line in answer)
        for line in lines:
            if line == "event: live\n":
                break
        yield lines
    finally:
        connection.close()


def test_the_stream_of_a_deactivated_person_ends(site):
    with stream(site, "otto") as lines:
        with site.work() as db:
            staff.archive(db, SYSTEM, db.get(User, person(site, "otto")), now=datetime.now(UTC))
        assert "event: degraded\n" in list(lines)  # it ends; an open one would never


def test_staff_of_some_sites_hear_of_these_alone(site):
    with site.read() as db:
        ids = {row.identity: row.id for row in db.query(Station)}
        tenant_id = db.query(Station.tenant_id).first()[0]
    with stream(site, "near") as near, stream(site, "grace") as whole:
        with site.work() as db:
            for name in ("CP-THERE", "CP-HERE"):
                events.record(db, events.StationChanged(tenant_id, ids[name]))
        wanted = f'data: "station:{ids["CP-HERE"]}"\n'
        told = {who: until(lines, wanted) for who, lines in (("near", near), ("whole", whole))}
    hidden = f'"station:{ids["CP-THERE"]}"'
    assert hidden in told["whole"] and hidden not in told["near"]


def until(lines, wanted):
    read = ""
    for line in lines:
        read += line
        if line == wanted:
            return read
    raise AssertionError(f"it ended before {wanted!r}: {read}")


def test_uploads_at_once_do_not_pass_the_quota(site, upload_keys):
    """Six logs of 390 kB each, brought piece by piece side by side; there is room for one."""
    opened = [connect(site) for _ in upload_keys]
    for one, key in zip(opened, upload_keys, strict=True):
        head = f"PUT /u/{key} HTTP/1.1\r\nHost: desk\r\nTransfer-Encoding: chunked\r\n\r\n"
        one.sendall(head.encode())
    for _ in range(39):
        for one in opened:
            with suppress(OSError):
                one.sendall(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
    for one in opened:
        with suppress(OSError):
            one.sendall(b"0\r\n\r\n")
    statuses = [one.recv(100).split()[1] for one in opened]
    for one in opened:
        one.close()
    assert set(statuses) == {b"200", b"507"} and statuses.count(b"200") == 1
    assert Store(site.settings, UPLOADS).used_bytes() <= site.settings.files_quota_bytes


@pytest.fixture
def upload_keys(site):
    """The secrets of six logs that a station was asked for."""
    now, keys = datetime.now(UTC), [files.new_key() for _ in range(6)]
    with site.work() as db:
        station = db.query(Station).filter_by(identity="CP-HERE").one()
        for key in keys:
            job = FileJob(
                tenant_id=station.tenant_id, station_id=station.id, created_by="test",
                kind=FileJobKind.DIAGNOSTICS, key_hash=digest(key),
                created_at=now, expires_at=now + timedelta(hours=1),
            )  # fmt: skip
            db.add(job)
    return keys


def test_a_long_file_that_is_looked_through_keeps_nobody_waiting_until_its_end(site):
    cookie = cookie_of(site, "grace")
    _, page, more = ask(site, "GET", "/tags/import", cookie=cookie)
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    rows = "tag\n" + "".join(f"{number:08X}\n" for number in range(0x41000000, 0x41000000 + 20000))
    form = urlencode({"csrf_token": token, "text": rows})
    with ThreadPoolExecutor(1) as pool:
        looked = pool.submit(ask, site, "POST", "/tags/import", form, more or cookie)
        began, answered = time.monotonic(), 0
        while not looked.done():
            well_under_way = time.monotonic() - began > 0.3
            answer_time(site)
            answered += well_under_way and not looked.done()
        assert looked.result()[0] == 200
    assert answered > 2
