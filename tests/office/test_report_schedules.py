"""Reports on schedule: once for each period, to those who may have them, each mail's fate seen."""

import email
import json
from datetime import UTC, date, datetime, timedelta
from email import policy

import pytest
from sqlalchemy import select, update

from app.domain.ground.errors import Conflict, Invalid, Taken
from app.domain.ground.vocabulary import Actor, JobState, Role
from app.domain.office import schedules
from app.extensions import db as flask_db
from app.models import Job, OutgoingMail, OwnRole, ReportSchedule, User
from app.queries.office import reports
from app.tasks.jobs import make_reports
from app.tasks.rounds import send_post
from app.uow import unit_of_work

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def grace(db, made):
    person = made.people["admin"]
    return Actor(person.name, person.id)


@pytest.fixture
def schedule(db, made, grace):
    with unit_of_work() as work:
        row = schedules.add(
            work, grace, made.people["admin"].tenant_id, now=NOW, name="Month", kind="energy",
            timezone="Europe/Berlin", recipients=[made.people["admin"].email],
        )  # fmt: skip
    return row


def begun(now):
    with unit_of_work() as work:
        return schedules.begin_due(work, now=now)


def mailed(app):
    """The mails that were written to files."""
    folder = app.config["SETTINGS"].data_dir / "mail"
    found = [path.read_bytes() for path in sorted(folder.glob("mail-*.eml"))]
    found = found or [path.read_bytes() for path in sorted(folder.glob("*.eml"))]
    return [email.message_from_bytes(data, policy=policy.default) for data in found]


@pytest.mark.parametrize(
    ("every", "zone", "after", "at"),
    [
        ("month", "Europe/Berlin", "2026-11-27T12:00Z", "2026-12-01T05:00Z"),
        ("month", "Europe/Berlin", "2026-12-01T04:59Z", "2026-12-01T05:00Z"),
        ("month", "Europe/Berlin", "2026-12-01T05:00Z", "2027-01-01T05:00Z"),
        ("month", "Europe/Berlin", "2027-03-15T00:00Z", "2027-04-01T04:00Z"),
        ("week", "Asia/Tokyo", "2026-11-27T12:00Z", "2026-11-29T21:00Z"),
        ("week", "UTC", "2026-11-30T05:00Z", "2026-11-30T06:00Z"),
        ("week", "UTC", "2026-11-30T06:00Z", "2026-12-07T06:00Z"),
    ],
)
def test_a_week_and_a_month_are_over_on_the_schedule_s_own_clock(every, zone, after, at):
    after, at = (datetime.fromisoformat(text) for text in (after, at))
    assert schedules.next_run(every, zone, after) == at


def test_it_is_about_the_last_whole_week_or_month():
    day = date(2026, 12, 1)
    assert schedules.last_period("month", day) == (date(2026, 11, 1), date(2026, 11, 30))
    assert schedules.last_period("week", day) == (date(2026, 11, 23), date(2026, 11, 29))
    assert schedules.last_period("week", date(2026, 11, 30)) == schedules.last_period("week", day)


def test_what_is_due_is_made_once_and_sent_with_its_file(app, db, schedule):
    assert begun(NOW) == 0
    due = datetime(2026, 12, 1, 5, tzinfo=UTC)
    assert [begun(due), begun(due), begun(due + timedelta(days=3))] == [1, 0, 0]
    make_reports()
    make_reports()
    send_post()
    db.rollback()
    job = db.scalars(select(Job).where(Job.schedule_id == schedule.id)).one()
    assert (job.state, job.file_name) == (JobState.DONE, "energy-2026-11-01-2026-11-30.pdf")
    sent = db.scalars(select(OutgoingMail).where(OutgoingMail.job_id == job.id)).one()
    assert (sent.state, sent.body) == ("sent", None)
    [message] = [one for one in mailed(app) if one["Subject"].startswith("Month")]
    assert message["Subject"] == "Month: 2026-11-01 to 2026-11-30"
    [file] = message.iter_attachments()
    assert file.get_filename() == "energy-2026-11-01-2026-11-30.pdf"
    assert file.get_content_type() == "application/pdf"
    assert file.get_content().startswith(b"%PDF")
    assert "is attached" in message.get_body(("plain",)).get_content()


@pytest.mark.parametrize(
    ("kind", "language", "begins"),
    [("csv", "en", "site,"), ("csv", "de", "site;"), ("xlsx", "de", "PK")],
)
def test_a_file_for_a_spreadsheet_is_attached_too(app, db, schedule, grace, kind, language, begins):
    with unit_of_work() as work:
        work.get_one(User, grace.user_id).language = language
        schedules.edit(work, grace, schedule, now=NOW, file_format=kind, kind="uptime", by="")
        schedules.run(work, grace, schedule, now=NOW)
    make_reports()
    send_post()
    [message] = mailed(app)
    [file] = message.iter_attachments()
    assert file.get_filename() == f"uptime-2026-10-01-2026-10-31.{kind}"
    assert file.get_payload(decode=True).decode("latin-1").removeprefix("ï»¿").startswith(begins)


def test_what_is_asked_for_twice_is_made_and_sent_once(app, db, schedule, grace):
    with unit_of_work() as work:
        schedules.run(work, grace, work.merge(schedule), now=NOW)
    with unit_of_work() as work, pytest.raises(Conflict, match="being made and sent already"):
        schedules.run(work, grace, work.merge(schedule), now=NOW)
    make_reports()
    with unit_of_work() as work:
        schedules.run(work, grace, work.merge(schedule), now=NOW)


def test_an_address_of_nobody_on_the_staff_has_to_be_confirmed(db, schedule, grace, made):
    theirs, outside = made.people["admin"].email, "board@example.com"
    with pytest.raises(Invalid) as refusal, unit_of_work() as work:
        schedules.edit(work, grace, schedule, now=NOW, recipients=[theirs, outside])
    assert refusal.value.sentence.startswith("board@example.com is nobody's address on the staff")
    given = {"recipients": [theirs, outside], "confirm_outside": True}
    with unit_of_work() as work:
        schedules.edit(work, grace, schedule, now=NOW, **given)
        assert schedule.outside == [outside]
        schedules.edit(work, grace, schedule, now=NOW, recipients=[outside, theirs])


def test_who_left_the_staff_gets_no_more_and_asks_for_no_more(app, db, schedule, grace, made):
    viewer = made.people["viewer"]
    with unit_of_work() as work:
        schedules.edit(work, grace, schedule, now=NOW, recipients=[viewer.email])
        work.get_one(User, viewer.id).archived_at = NOW
        schedules.run(work, grace, schedule, now=NOW)
    make_reports()
    db.rollback()
    assert db.scalars(select(OutgoingMail).where(OutgoingMail.job_id.is_not(None))).all() == []
    with unit_of_work() as work:
        work.get_one(User, grace.user_id).archived_at = NOW
        schedules.run(work, grace, work.get_one(ReportSchedule, schedule.id), now=NOW)
    make_reports()
    db.rollback()
    job = db.scalars(select(Job).order_by(Job.id.desc())).first()
    assert (job.state, job.sentence) == (
        JobState.FAILED, "Whoever asked for it is no longer on the staff.",
    )  # fmt: skip


def _leave(person):
    person.archived_at = NOW


def _become_nobody(person):
    person.role, person.own_role = (
        Role.OWN,
        OwnRole(
            tenant_id=person.tenant_id, name="Nobody", name_key="nobody", rights={}, created_at=NOW
        ),
    )


@pytest.mark.parametrize(
    ("lose", "sentence"),
    [
        (_leave, "Whoever asked for it is no longer on the staff."),
        (_become_nobody, "This needs the right office: read."),
    ],
)
def test_what_its_person_loses_while_it_is_made_is_not_mailed(
    app, db, schedule, grace, monkeypatch, lose, sentence
):
    make = reports.run

    def make_and_lose(*given, **named):
        made = make(*given, **named)
        with unit_of_work() as work:
            lose(work.get_one(User, grace.user_id))
        return made

    monkeypatch.setattr(reports, "run", make_and_lose)
    with unit_of_work() as work:
        schedules.run(work, grace, schedule, now=NOW)
    make_reports()
    db.rollback()
    job = db.scalars(select(Job)).one()
    assert (job.state, job.sentence, job.stored_as) == (JobState.FAILED, sentence, None)
    assert db.scalars(select(OutgoingMail).where(OutgoingMail.job_id.is_not(None))).all() == []
    assert not list((app.config["SETTINGS"].data_dir / "files" / "exports").iterdir())


def test_a_paused_one_waits_and_makes_up_for_nothing(db, schedule, grace):
    with unit_of_work() as work:
        schedules.archive(work, grace, schedule, now=NOW)
    later = NOW + timedelta(days=70)
    assert begun(later) == 0
    with pytest.raises(Conflict), unit_of_work() as work:
        schedules.run(work, grace, work.get_one(ReportSchedule, schedule.id), now=later)
    with unit_of_work() as work:
        schedules.restore(work, grace, work.get_one(ReportSchedule, schedule.id), now=later)
    assert begun(later) == 0


def test_a_name_is_taken_once_and_a_report_has_its_ways(db, schedule, grace):
    given = {"now": NOW, "kind": "use", "recipients": ["ada@example.org"], "confirm_outside": True}
    with pytest.raises(Taken), unit_of_work() as work:
        schedules.add(work, grace, schedule.tenant_id, name="MONTH", **given)
    with pytest.raises(Invalid) as refusal, unit_of_work() as work:
        schedules.add(work, grace, schedule.tenant_id, name="Use", by="site", **given)
    assert refusal.value.field == "by"


def test_the_desk_adds_runs_pauses_and_shows_what_went_out(admin, viewer, db, made):
    sent = {"name": "Weekly", "kind": "revenue", "by": "", "every": "week", "site_id": "",
            "file_format": "csv", "timezone": "UTC", "recipients": "board@example.com"}  # fmt: skip
    refused = admin.post("/reports/schedules/new", data=sent)
    assert refused.status_code == 422 and "confirm that it may" in refused.text
    added = admin.post("/reports/schedules/new", data={**sent, "confirm_outside": "y"})
    assert added.status_code == 303
    one = added.headers["Location"]
    assert viewer.get(one).status_code == 403
    assert admin.post(f"{one}/run").status_code == 303
    make_reports()
    send_post()
    flask_db.session.rollback()
    text = admin.get(one).text
    assert "board@example.com" in text and "outside" in text and "sent" in text
    assert "Weekly" in admin.get("/reports/schedules").text
    assert admin.post(f"{one}/archive").status_code == 303
    assert "paused" in admin.get(one).text
    assert "Weekly" in admin.get(f"{one}/edit").text


def test_a_mail_whose_file_is_gone_fails_and_says_so(app, db, schedule, grace):
    with unit_of_work() as work:
        schedules.run(work, grace, schedule, now=NOW)
    make_reports()
    with unit_of_work() as work:
        work.execute(update(Job).values(stored_as=None))
    send_post()
    db.rollback()
    mail = db.scalars(select(OutgoingMail).where(OutgoingMail.job_id.is_not(None))).one()
    assert (mail.state, mail.error) == ("failed", "The file is no longer kept.")


def test_the_command_line_adds_runs_and_lists(app, db, made):
    flask = app.test_cli_runner()

    def done(*arguments):
        result = flask.invoke(args=["report-schedule", *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    to = made.people["operator"].email
    done("add", "Tries", "--kind", "tries", "--every", "week", "--to", to)
    done("run", "tries")
    make_reports()
    [row] = json.loads(done("runs", "Tries", "--json"))
    assert row["mails"] == [f"{to}: queued"]
    done("archive", "Tries")
    done("archive", "Tries", "--undo")
    assert json.loads(done("show", "Tries", "--json"))["recipients"] == [to]
