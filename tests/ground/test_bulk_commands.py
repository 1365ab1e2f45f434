"""flask … bulk: one action on many rows that are named, each refusal told; as on the desk."""

from sqlalchemy import select

from app.domain.ground import many
from app.domain.ground.vocabulary import TagStatus
from app.models import Alert, Bill, Command, Driver, Review, Station, Tag
from tests.security import furniture


def column(db, what):
    db.expire_all()
    return list(db.scalars(select(what)))


def test_tags_are_named_or_read_from_standard_input(flask, made, db):
    first, second, *_ = column(db, Tag.value)
    done = flask("tag", "bulk", "block", first, "-", input=f"{second}\n\n")
    assert (done.exit_code, done.stdout) == (0, "Changed 2 of 2.\n")
    query = select(Tag.status).where(Tag.value.in_([first, second]))
    assert {*db.scalars(query)} == {TagStatus.BLOCKED}


def test_what_is_not_there_is_told_and_the_others_are_changed(flask, made, db):
    (first, *_) = column(db, Tag.value)
    done = flask("tag", "bulk", "block", first, "NOBODYS")
    assert (done.exit_code, done.stdout) == (1, "Changed 1 of 2.\n")
    assert "NOBODYS" in done.stderr


def test_tags_go_into_a_group_by_its_name(flask, made, db):
    (first, *_) = column(db, Tag.value)
    flask("tag-group", "add", "Fleet")
    assert flask("tag", "bulk", "group", first, "--group", "Fleet").exit_code == 0
    db.expire_all()
    assert db.scalar(select(Tag).where(Tag.value == first)).group.name == "Fleet"
    refused = flask("tag", "bulk", "block", first, "--group", "Fleet")
    assert (refused.exit_code, refused.stderr) == (1, "This does not go with block.\n")


def test_drivers_and_stations_are_put_away_and_drivers_come_back(flask, made, db):
    names = column(db, Driver.name)
    assert flask("driver", "bulk", "archive", *names).exit_code == 0
    assert all(column(db, Driver.archived_at))
    assert flask("driver", "bulk", "restore", *names).exit_code == 0
    assert not any(column(db, Driver.archived_at))
    identities = column(db, Station.identity)
    done = flask("station", "bulk", "archive", *identities)
    refused = [line for line in done.stderr.splitlines() if "still charging" in line]
    assert done.stdout == f"Changed {len(identities) - len(refused)} of {len(identities)}.\n"


def test_money_is_changed_for_a_reason_only(flask, made, db):
    held = column(db, Review.session_id)
    assert flask("session", "bulk", "approve", *held).exit_code == 2
    done = flask("session", "bulk", "approve", *held, "--reason", "Checked by hand.")
    told = len(done.stderr.splitlines())
    assert done.stdout == f"Changed {len(held) - told} of {len(held)}.\n"
    billed = column(db, Bill.session_id)
    again = flask("session", "bulk", "recount", *billed, "--reason", "A check.")
    assert again.stdout.startswith("Changed ")


def test_receipts_alerts_and_orders_are_dealt_with_in_many(flask, made, db, now):
    furniture.furnish(db, made.people["admin"].tenant_id, now)
    db.commit()
    alerts, orders = column(db, Alert.id), column(db, Command.id)
    for noun, action, names, more in (
        ("bill", "resend", column(db, Bill.number), ()),
        ("alert", "snooze", alerts, ("--hours", 4)),
        ("alert", "acknowledge", alerts, ()),
        ("alert", "close", alerts, ()),
        ("order", "repeat", orders, ()),
    ):
        done = flask(noun, "bulk", action, *names, *more)
        assert done.stdout.startswith("Changed "), (noun, done.output)
    assert all(column(db, Alert.closed_at))


def test_too_many_are_refused_as_a_whole(flask, made, db, monkeypatch):
    monkeypatch.setattr(many, "MOST", 1)
    refused = flask("tag", "bulk", "block", *column(db, Tag.value))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "More than 1 rows are not changed at once" in refused.stderr
