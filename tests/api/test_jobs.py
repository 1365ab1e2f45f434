"""Imports and exports as jobs: asked for at once, done by a task, seen by their person alone."""

import csv
import io
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app import uow
from app.domain.ground.vocabulary import SYSTEM, Actor, JobState
from app.domain.office import jobs, schedules, staff
from app.extensions import db as flask_db
from app.models import AuditEntry, Job, OutgoingMail, Site, Station, Tag, User
from app.process.clock import utc_now
from app.tasks import jobs as jobs_task
from app.tasks.jobs import carry_out, make_reports, work_jobs
from app.tasks.tidying import tidy_up
from app.uow import unit_of_work
from app.web import scope

HEADING = "tag,label,group\n"
#: So many rows are written at once here; in life it is 200.
UNIT = 20
#: Needs three units.
LONG = 2 * UNIT + 5


@pytest.fixture(autouse=True)
def small_units(monkeypatch):
    monkeypatch.setattr(uow, "UNIT", UNIT)


def rows(count, first=0):
    return HEADING + "".join(f"04{first + n:06X},card {first + n},Fleet\n" for n in range(count))


def imported(api, text, **agreed):
    """The job of an import, after it was done."""
    number = api.post("/imports", {"noun": "tags", "text": text, **agreed}, 202)["id"]
    assert api.answer.headers["Location"] == f"/api/v1/jobs/{number}"
    all_done()
    return api.get(f"/jobs/{number}")


def all_done():
    work_jobs()
    flask_db.session.rollback()  # what the task wrote is read anew


def tags(db):
    db.rollback()
    return db.scalar(select(func.count(Tag.id)).where(Tag.key.like("04000%")))


@pytest.mark.parametrize("name", ["site_id", "station_id", "driver_id", "tag_id"])
def test_an_export_of_what_is_not_there_is_refused(api, name):
    assert api.post("/exports", {"noun": "sessions", name: 999}, 422)["field"] == name


def test_a_long_file_is_imported_in_units_and_the_job_counts_what_it_wrote(api, db):
    job = imported(api, rows(LONG), make_groups=True)
    assert (job["state"], job["done"], job["total"]) == ("done", LONG, LONG)
    assert (job["added"], job["changed"], job["left_out"]) == (LONG, 0, 0)
    assert tags(db) == LONG
    again = imported(api, rows(LONG), make_groups=True)
    assert (again["state"], again["added"], again["changed"]) == ("done", 0, 0)


def test_a_file_with_rows_that_cannot_be_used_is_left_alone_unless_that_was_agreed_to(api, db):
    text = rows(3) + "04000001,again,\n"
    job = imported(api, text, make_groups=True)
    assert (job["state"], job["sentence"], tags(db)) == ("failed", "Nothing was imported.", 0)
    assert [error["line"] for error in job["errors"]] == [3, 5]
    assert "stands in line 5 too" in job["errors"][0]["sentence"]
    job = imported(api, text, make_groups=True, valid_only=True)
    assert (job["state"], job["added"], job["left_out"], tags(db)) == ("done", 2, 2, 2)


def test_a_dry_run_tells_and_writes_nothing(api, db):
    job = imported(api, rows(3), make_groups=True, dry_run=True)
    assert (job["state"], job["added"], tags(db)) == ("done", 3, 0)


# Stations: rows are tried one by one, and passwords are asked for when they are registered


@pytest.fixture
def depot(made):
    return made.sites["Depot Nord"]


def stations_of(api, text, **agreed):
    number = api.post("/imports", {"noun": "stations", "text": text, **agreed}, 202)["id"]
    all_done()
    return api.get(f"/jobs/{number}")


def parks(site, count):
    return "identity,site\n" + "".join(f"PARK-{n:04},{site}\n" for n in range(count))


def parked(db):
    db.rollback()
    return list(db.scalars(select(Station).where(Station.identity.like("PARK-%"))))


@pytest.mark.landing
def test_stations_of_a_long_file_are_registered_in_units(api, db, depot):
    job = stations_of(api, parks(depot.name, LONG))
    assert (job["state"], job["done"], job["total"]) == ("done", LONG, LONG)
    assert (job["added"], job["left_out"]) == (LONG, 0)
    # By the time at which the job began its stations are found that wait for passwords.
    assert {one.created_at for one in parked(db)} == {db.get_one(Job, job["id"]).begun_at}
    again = stations_of(api, parks(depot.name, LONG))
    assert (again["state"], again["added"], again["changed"]) == ("done", 0, 0)


def test_one_row_that_is_no_station_leaves_all_out_unless_that_was_agreed_to(api, db, depot):
    text = parks(depot.name, LONG) + f"PARK:0,{depot.name}\n"
    job = stations_of(api, text)
    assert (job["state"], job["added"], job["left_out"]) == ("failed", 0, 1)
    assert parked(db) == []
    job = stations_of(api, text, dry_run=True)
    assert (job["state"], job["added"], job["done"]) == ("done", LONG, LONG + 1)
    assert parked(db) == []
    job = stations_of(api, text, valid_only=True)
    assert (job["state"], job["added"], job["left_out"]) == ("done", LONG, 1)
    assert len(parked(db)) == LONG


def test_an_import_of_stations_that_was_killed_keeps_the_time_at_which_it_began(
    api, db, depot, now
):
    long_ago = now - timedelta(minutes=9)
    text = parks(depot.name, LONG)
    number = api.post("/imports", {"noun": "stations", "text": text}, 202)["id"]
    with unit_of_work() as work:
        assert jobs.claim(work, reports=False, now=long_ago) == number
    all_done()
    assert api.get(f"/jobs/{number}")["state"] == "done"
    assert {one.created_at for one in parked(db)} == {long_ago}


def test_passwords_do_not_wait_in_a_job(api, db, depot):
    text = f"identity,site,password\nPARK-1,{depot.name},a-chosen-password\n"
    refused = api.post("/imports", {"noun": "stations", "text": text}, 422)
    assert "passwords are not" in refused["detail"]
    assert db.scalar(select(func.count(Job.id))) == 0


def halls(count):
    return "name,time zone,currency\n" + "".join(
        f"Hall {n},Europe/Berlin,EUR\n" for n in range(count)
    )


def sites_of(api, text, **agreed):
    number = api.post("/imports", {"noun": "sites", "text": text, **agreed}, 202)["id"]
    all_done()
    return api.get(f"/jobs/{number}")


def built(db):
    db.rollback()
    return db.scalar(select(func.count(Site.id)).where(Site.name.like("Hall %")))


def test_sites_of_a_long_file_are_added_in_units(api, db):
    job = sites_of(api, halls(LONG))
    assert (job["state"], job["done"], job["total"]) == ("done", LONG, LONG)
    assert (job["added"], job["left_out"], built(db)) == (LONG, 0, LONG)
    again = sites_of(api, halls(LONG).replace("Hall 3,Europe/Berlin", "Hall 3,Europe/Rome"))
    assert (again["state"], again["added"], again["changed"]) == ("done", 0, 1)


def test_one_row_that_is_no_site_leaves_all_out_unless_that_was_agreed_to(api, db):
    text = halls(3) + "Hall X,Europe/Atlantis,EUR\n"
    job = sites_of(api, text)
    assert (job["state"], job["sentence"], built(db)) == ("failed", "Nothing was imported.", 0)
    assert [error["line"] for error in job["errors"]] == [5]
    job = sites_of(api, text, dry_run=True)
    assert (job["state"], job["added"], built(db)) == ("done", 3, 0)
    job = sites_of(api, text, valid_only=True)
    assert (job["state"], job["added"], job["left_out"], built(db)) == ("done", 3, 1, 3)


def test_staff_of_some_sites_import_no_sites(api, db, narrowed):
    asked = {"noun": "sites", "text": halls(3)}
    number = api.post("/imports", asked, 202)["id"]
    narrowed(number)
    all_done()
    job = api.get(f"/jobs/{number}")
    assert (job["state"], built(db)) == ("failed", 0)
    assert "This concerns all sites" in job["sentence"]
    for more in ({}, {"dry_run": True}):
        assert "This concerns all sites" in api.post("/imports", asked | more, 403)["detail"]
    assert len(api.get("/jobs")["items"]) == 1


def test_a_column_that_is_not_understood_is_named(api, db):
    job = imported(api, "tag,shoe size\n04000001,43\n")
    assert job["state"] == "failed"
    assert "shoe size" in job["sentence"]


def test_an_import_that_was_killed_is_begun_again_and_counts_each_row_once(api, db, now):
    number = api.post(
        "/imports", {"noun": "tags", "text": rows(LONG), "make_groups": True}, 202
    )["id"]  # fmt: skip
    with unit_of_work() as work:
        assert jobs.claim(work, reports=False, now=now - timedelta(minutes=9)) == number
    whole = db.get_one(Job, number).text
    some = {"noun": "tags", "text": rows(UNIT), "make_groups": True}
    part = api.post("/imports", some, 202)["id"]
    with unit_of_work() as work:  # what the killed one had written before, with its counts
        work.get_one(Job, number).added = UNIT
    all_done()
    assert whole and api.get(f"/jobs/{part}")["state"] == "done"
    job = api.get(f"/jobs/{number}")
    assert (job["state"], job["done"], tags(db)) == ("done", LONG, LONG)
    assert db.get_one(Job, number, populate_existing=True).text is None


def test_a_cancelled_job_is_not_done(api, db):
    number = api.post("/imports", {"noun": "tags", "text": rows(3)}, 202)["id"]
    assert api.post(f"/jobs/{number}/cancel", status=200)["state"] == "cancelled"
    all_done()
    assert tags(db) == 0
    api.post(f"/jobs/{number}/cancel", status=409)
    said = db.scalars(select(AuditEntry.action).where(AuditEntry.subject_id == number)).all()
    assert {"job.create", "job.cancel"} <= set(said)


def test_a_person_who_left_has_nothing_done_any_more(api, db, made):
    number = api.post("/imports", {"noun": "tags", "text": rows(3), "make_groups": True}, 202)["id"]
    who = db.get_one(User, db.get_one(Job, number).user_id)
    who.archived_at = datetime.now(UTC)
    db.commit()
    all_done()
    job = db.get_one(Job, number, populate_existing=True)
    assert (job.state, tags(db)) == (JobState.FAILED, 0)
    assert "no longer on the staff" in job.sentence


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_an_export_holds_the_sessions_of_its_filter_and_is_fetched(api, db, made, format):
    given = {"noun": "sessions", "format": format, "timezone": "Europe/Berlin"}
    number = api.post("/exports", given, 202)["id"]
    api.get(f"/jobs/{number}/file", 404)
    all_done()
    job = api.get(f"/jobs/{number}")
    assert (job["state"], job["has_file"]) == ("done", True)
    assert job["file_name"].endswith(format)
    expected = api.get("/sessions/count")["count"]
    assert job["done"] == expected > 0
    api.get(f"/jobs/{number}/file")
    data = api.answer.data
    api.answer.close()
    assert len(data) == job["size_bytes"]
    if format == "csv":
        assert len(list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))) == expected
    else:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            assert "xl/worksheets/sheet1.xml" in book.namelist()


def test_the_file_of_an_export_goes_after_a_day(api, db):
    number = api.post("/exports", {"noun": "bills"}, 202)["id"]
    all_done()
    with unit_of_work() as work:
        work.get_one(Job, number).ended_at -= timedelta(days=1, minutes=1)
    tidy_up()
    assert not api.get(f"/jobs/{number}")["has_file"]
    api.get(f"/jobs/{number}/file", 404)


# Somebody who may see fewer sites than before


@pytest.fixture
def narrowed(db, made, depot):
    """Take all sites but one from whoever asked for a job."""

    def narrow(number):
        with unit_of_work() as work:
            person = work.get_one(User, work.get_one(Job, number).user_id)
            staff.edit(work, SYSTEM, person, site_ids=[depot.id], now=utc_now())

    return narrow


def test_the_file_of_an_export_goes_with_the_reach_in_which_it_was_made(api, operator, narrowed):
    number = api.post("/exports", {"noun": "sessions"}, 202)["id"]
    all_done()
    with operator.get(f"/jobs/{number}/file") as answer:
        assert answer.status_code == 200
    narrowed(number)
    api.get(f"/jobs/{number}/file", 404)
    assert not api.get(f"/jobs/{number}")["has_file"]
    again = api.post("/exports", {"noun": "sessions"}, 202)["id"]
    all_done()
    assert api.get(f"/jobs/{again}")["done"] == api.get("/sessions/count")["count"]


def test_a_job_that_runs_ends_where_its_person_sees_other_sites_meanwhile(api, db, narrowed):
    number = api.post("/imports", {"noun": "tags", "text": rows(3)}, 202)["id"]
    with unit_of_work() as work:
        assert jobs.claim(work, reports=False, now=utc_now()) == number
    narrowed(number)
    with pytest.raises(jobs.Cancelled):
        carry_out(number)
    assert (api.get(f"/jobs/{number}")["state"], tags(db)) == ("cancelled", 0)


def test_a_report_that_is_made_meanwhile_is_made_anew_before_it_is_mailed(
    db, made, narrowed, monkeypatch
):
    with unit_of_work() as work:
        person = work.get_one(User, made.people["admin"].id)
        staff.create(work, SYSTEM, tenant_id=person.tenant_id, email="eve@example.org",
                     name="Eve", role="admin", now=utc_now())  # fmt: skip
        actor = Actor(person.name, person.id)
        row = schedules.add(work, actor, person.tenant_id, name="Month", now=utc_now(),
                            recipients=["eve@example.org"])  # fmt: skip
        number = schedules.run(work, actor, row, now=utc_now()).id
    made_within, export = [], jobs_task._export

    def narrowed_first(job, user):
        made_within.append(scope.of(flask_db.session()).site_ids)
        if len(made_within) == 1:
            narrowed(number)
        return export(job, user)

    monkeypatch.setattr(jobs_task, "_export", narrowed_first)
    make_reports()
    assert [len(sites or ()) for sites in made_within] == [0, 1]
    flask_db.session.rollback()
    assert db.get_one(Job, number).state is JobState.DONE
    assert db.scalar(select(func.count(OutgoingMail.id))) == 1


def test_nobody_sees_anothers_jobs(api, admin_api):
    number = api.post("/exports", {"noun": "bills"}, 202)["id"]
    admin_api.get(f"/jobs/{number}", 404)
    admin_api.get(f"/jobs/{number}/file", 404)
    admin_api.post(f"/jobs/{number}/cancel", status=404)
    assert admin_api.get("/jobs")["items"] == []


def test_what_is_under_way_of_one_person_is_bounded(api):
    for _ in range(jobs.MOST_OPEN):
        api.post("/exports", {"noun": "bills"}, 202)
    api.post("/exports", {"noun": "bills"}, 409)


def test_bills_have_no_station(api):
    api.post("/exports", {"noun": "bills", "station_id": 1}, 422)
    api.post("/exports", {"noun": "bills", "timezone": "Mars"}, 422)


def test_a_long_file_on_the_desk_becomes_a_job_with_a_page_of_its_own(operator, viewer, db):
    given = {"text": rows(501), "go": "1", "make_groups": "yes"}
    answer = operator.post("/tags/import", data=given)
    assert answer.status_code == 303
    page = answer.headers["Location"]
    assert "Import of tags" in operator.get("/jobs").text
    assert "waiting" in operator.get(page).text
    all_done()
    assert tags(db) == 501
    assert "501 / 501" in operator.get(page).text
    assert viewer.get(page).status_code == 404
