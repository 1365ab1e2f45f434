"""Addresses for stations: one secret, one purpose, one time; nothing brought is believed."""

import io
import logging
from datetime import timedelta

import pytest

from app.domain.commands import commands
from app.domain.device import files
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order, Outcome
from app.domain.office import messages
from app.models import FileJob
from app.web.file_store import FIRMWARE, UPLOADS, Store
from tests.conftest import make_app
from tests.support import lone, seed
from worker.dialects import DIALECTS
from worker.ocpp.versions import Version

IMAGE = bytes(range(256)) * 40


@pytest.fixture
def now():
    return seed.lately()


@pytest.fixture
def made(app, db, now):
    made = seed.fill(db, now, history=0)
    for station in made.stations.values():
        station.supported_orders = [order.value for order in Order]
    db.commit()
    return made


@pytest.fixture
def settings(app):
    return app.config["SETTINGS"]


@pytest.fixture
def asked(db, made, now):
    """Order something of CP-01; returns the address without its host, and the job."""

    def ask(order, **given):
        station = made.stations["CP-01"]
        row = commands.queue(db, SYSTEM, station, order, given, now=now, ttl_s=60)
        path = row.arguments["location"]
        job_id = row.arguments["request_id"]
        lone.claim(db, row.id, "seed", now=now)
        yes = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "Yes.")
        commands.settle(db, row, yes, now=now)
        db.commit()
        return path, job_id

    return ask


@pytest.fixture
def image(db, made, settings, now):
    stored = Store(settings, FIRMWARE).save(io.BytesIO(IMAGE).read, 10**6)
    tenant_id = made.stations["CP-01"].tenant_id
    row = files.add_image(db, SYSTEM, tenant_id, stored, now=now, name="fw.bin", version="2.0")
    db.commit()
    return row


@pytest.fixture
def download(asked, image):
    return asked(Order.UPDATE_FIRMWARE, firmware_id=image.id)


@pytest.fixture
def upload(asked):
    return asked(Order.FETCH_LOGS, kind="diagnostics")


def job_of(db, job_id):
    db.rollback()
    return db.get(FileJob, job_id)


def on_disk(settings):
    return sorted(path.name for path in settings.data_dir.glob("files/uploads/*"))


def test_a_station_fetches_its_firmware_without_cookie_or_page(app, db, download):
    path, job_id = download
    answer = app.test_client().get(path, buffered=True)
    assert (answer.status_code, answer.get_data()) == (200, IMAGE)
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"].startswith("attachment")
    job = job_of(db, job_id)
    assert (job.downloads, job.steps[-1][1]) == (1, "file fetched")


def test_it_may_fetch_in_pieces_and_ask_for_the_size_first(app, db, download):
    path, job_id = download
    client = app.test_client()
    head = client.head(path, buffered=True)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(IMAGE)))
    first = client.get(path, headers={"Range": "bytes=0-99"}, buffered=True)
    rest = client.get(f"{path}/fw.bin", headers={"Range": "bytes=100-"}, buffered=True)
    assert (first.status_code, rest.status_code) == (206, 206)
    assert first.get_data() + rest.get_data() == IMAGE
    assert client.get(path, headers={"Range": "bytes=999999-"}).status_code == 416
    assert job_of(db, job_id).downloads == 1


def shape(answer):
    headers = {name: value for name, value in answer.headers.items() if name != "Date"}
    return answer.status_code, answer.get_data(), headers


def test_every_wrong_address_is_answered_alike(app, db, download, upload, now):
    client, (path, job_id), (bring, _) = app.test_client(), download, upload
    nothing = shape(client.get("/f/AAAAAAAAAAAAAAAAAAAAAA"))
    assert nothing[0] == 404
    others = [path[:-1], path + "x", path.lower(), bring.replace("/u/", "/f/"), "/f/..%2f..%2fx"]
    assert [shape(client.get(url)) for url in others] == [nothing] * len(others)
    job = job_of(db, job_id)
    job.expires_at = now - timedelta(seconds=1)
    db.commit()
    assert shape(client.get(path)) == nothing
    assert shape(client.put(path.replace("/f/", "/u/"), data=b"x")) == nothing
    job.expires_at, job.station.archived_at = now + timedelta(hours=1), now
    db.commit()
    assert shape(client.get(path)) == nothing


def test_whoever_guesses_is_told_to_stop_and_keeps_no_station_out(app, download):
    client = app.test_client()
    guesser = {"REMOTE_ADDR": "192.0.2.66"}
    codes = {
        client.get(f"/f/guess{number}", environ_base=guesser).status_code for number in range(70)
    }
    assert codes == {404, 429}
    # Also not one behind the same address: its secret cannot have been guessed.
    for address in ("192.0.2.67", guesser["REMOTE_ADDR"]):
        asker = {"REMOTE_ADDR": address}
        assert client.get(download[0], environ_base=asker, buffered=True).status_code == 200


@pytest.mark.parametrize("method", ["put", "post"])
def test_a_log_is_brought_as_a_body_or_in_a_form(app, db, upload, settings, method):
    path, job_id = upload
    client = app.test_client()
    assert getattr(client, method)(f"{path}/diag.zip", data=b"first").status_code == 200
    job = job_of(db, job_id)
    assert (job.size_bytes, job.file_name) == (5, "diag.zip")
    form = {"upload": (io.BytesIO(b"second!"), "other.zip")}
    assert getattr(client, method)(path, data=form).status_code == 200
    job = job_of(db, job_id)
    assert (job.size_bytes, job.file_name) == (7, "other.zip")
    assert on_disk(settings) == [job.stored_as]


def test_a_log_may_be_larger_than_any_form(app, db, upload):
    path, job_id = upload
    large = b"x" * (9 * 1024 * 1024)
    assert app.test_client().put(path, data=large).status_code == 200
    form = {"upload": (io.BytesIO(large), "a")}
    assert app.test_client().post(path, data=form).status_code == 200
    assert job_of(db, job_id).size_bytes == len(large)


@pytest.mark.parametrize(
    "name", ["../../../etc/cron.d/x", "..\\..\\boot.ini", "/etc/passwd", "a/b/c", "x" * 900, "\x00"]
)
def test_upload_path_traversal(app, db, upload, settings, name):
    path, job_id = upload
    before = set(settings.data_dir.rglob("*"))
    form = {"upload": (io.BytesIO(b"evil"), name)}
    assert app.test_client().post(path, data=form).status_code == 200
    job = job_of(db, job_id)
    assert len(job.stored_as) == 32 and "/" not in (job.file_name or "")
    new = {path.name for path in set(settings.data_dir.rglob("*")) - before if path.is_file()}
    ours = ("ampdesk.sqlite3", "files.lock")
    assert {one for one in new if not one.startswith(ours)} == {job.stored_as}


def test_upload_html_not_rendered(app, db, made, upload):
    path, job_id = upload
    html = b"<html><script>alert(1)</script>"
    operator = seed.signed_in(app, made.people["operator"])
    app.test_client().put(f"{path}/x.html", data=html, content_type="text/html")
    station_id = job_of(db, job_id).station_id
    answer = operator.get(f"/stations/{station_id}/files/{job_id}", buffered=True)
    assert answer.get_data() == html
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_a_log_that_is_too_large_leaves_nothing_behind(db, tmp_path, app, upload, settings):
    small = make_app(tmp_path, upload_max_bytes=1000)
    path, job_id = upload
    client = small.test_client()
    assert client.put(path, data=b"x" * 1001).status_code == 413
    form = {"upload": (io.BytesIO(b"x" * 1001), "a")}
    assert client.post(path, data=form).status_code == 413
    assert client.put(path, data=b"").status_code == 400
    full = make_app(tmp_path, files_quota_bytes=10).test_client()
    assert full.put(path, data=b"x" * 11).status_code == 507
    assert on_disk(settings) == []
    assert job_of(db, job_id).stored_as is None


def test_nothing_can_be_brought_once_the_job_has_ended(app, db, upload, settings):
    path, job_id = upload
    job = job_of(db, job_id)
    job.state = "done"
    db.commit()
    assert app.test_client().put(path, data=b"late").status_code == 404
    assert on_disk(settings) == []


def test_the_secret_is_in_no_page_no_log_and_no_row_once_it_was_sent(
    app, db, made, upload, download, caplog
):
    caplog.set_level(logging.DEBUG)
    keys = [path.rpartition("/")[2] for path, _ in (upload, download)]
    rows = "".join(
        str(db.execute(table.select()).all()) for table in reversed(FileJob.metadata.sorted_tables)
    )
    station_id = made.stations["CP-01"].id
    client = seed.signed_in(app, made.people["admin"])
    pages = "".join(
        client.get(url).text
        for url in ("/firmware", "/commands", f"/stations/{station_id}/files", "/audit")
    )
    for key in keys:
        assert key not in rows + pages + caplog.text
        payload = {"firmware": {"location": f"https://desk/f/{key}"}}
        assert key not in messages.text_of(payload)
        assert key not in messages.text_of({"log": {"remoteLocation": f"/u/{key}/a"}})


def test_what_a_customer_is_known_by_stays_out_of_the_message_log():
    for version in (Version.V201, Version.V21):
        personal = DIALECTS[version].routes["NotifyCustomerInformation"].personal
        text = messages.text_of({"data": "Ada Lovelace", "seqNo": 0}, personal=personal)
        assert "Ada" not in text and "seqNo" in text


def test_files_that_no_row_knows_are_found(settings):
    store = Store(settings, UPLOADS)
    kept = store.save(io.BytesIO(b"a").read, 10).stored_as
    assert store.remove_unknown(set()) == 0  # it may be on its way to its row
    assert store.path(kept) is not None
    assert store.path("../firmware/x") is None and store.path(f"../{kept}") is None
