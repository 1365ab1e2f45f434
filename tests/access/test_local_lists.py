"""Local lists: put together from the tags, sent in parts that fit, numbered, and watched."""

from datetime import timedelta

import pytest

from app.domain.access import local_lists, tag_groups, tags
from app.domain.access.known_tags import difference, wanted
from app.domain.commands import commands
from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import Actor, CommandState, Order, Outcome, StationMode
from app.domain.network import presence, sites, stations
from app.models import Command, LocalList, StationVariable
from tests.support import sockets

ADA = Actor("Ada")
YES = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "The charger holds the list.")
NO = Outcome(CommandState.REJECTED, {"status": "VersionMismatch"}, "Another version.")


@pytest.fixture
def station(db, now):
    return sockets.online_station(db, now=now)


@pytest.fixture
def add(db, tenant, now):
    def put(value, **facts):
        return tags.add(db, ADA, tenant.id, now=now, value=value, **facts)

    return put


@pytest.fixture
def send(db, station, now):
    """Send a list; the station's answer is given, and the answers to what follows."""

    def queue(*answers, mode=""):
        given = {"mode": mode}
        command = commands.queue(db, ADA, station, Order.SEND_LOCAL_LIST, given, now=now, ttl_s=60)
        sent = []
        for answer in answers or (YES,):
            command.state, command.action = CommandState.SENT, "SendLocalList"
            commands.settle(db, command, answer, now=now)
            sent.append(command)
            command = db.query(Command).order_by(Command.id.desc()).first()
        return sent

    return queue


def tokens_of(command):
    return [entry["token"] for entry in command.arguments["entries"]]


def held(db):
    return db.query(LocalList).one()


def set_to(db, station, now, **values):
    for name, value in values.items():
        row = StationVariable(station_id=station.id, key=name.lower(), variable=name, value=value)
        db.add(row)
    db.flush()


def test_the_list_holds_who_may_charge_there_and_who_is_blocked(db, tenant, station, add, now):
    fleet = tag_groups.add(db, ADA, tenant.id, now=now, name="Fleet")
    later = now + timedelta(days=9)
    add("D4")
    add("C3", group_id=fleet.id, expires_at=later)
    tags.block(db, ADA, add("B2"), now=now)
    tags.archive(db, ADA, add("A1"), now=now)
    add("E5", expires_at=now)
    other, _ = stations.register(db, ADA, tenant.id, station.site, "CP-8", now=now)
    add("F6", station_ids=frozenset({other.id}))
    add("G7", station_ids=frozenset({station.id}))
    db.expire_all()
    found = wanted(db, station, now).entries
    assert [(entry["token"], entry["status"]) for entry in found] == [
        ("C3", "accepted"),
        ("D4", "accepted"),
        ("G7", "accepted"),
        ("B2", "blocked"),
    ]
    assert (found[0]["parent"], found[0]["expires_at"]) == ("FLEET", later.isoformat())


def test_key_codes_are_secrets_and_on_no_list(db, tenant, station, now):
    tags.add(db, ADA, tenant.id, now=now, kind="key_code", value="4711")
    assert wanted(db, station, now).entries == []


def test_a_closed_station_knows_nobody(db, station, add, now):
    add("A1")
    station.mode = StationMode.CLOSED
    assert wanted(db, station, now).entries == []


def test_the_first_list_is_whole_and_has_version_one(db, add, send):
    add("A1")
    [command] = send()
    assert (command.arguments["update"], command.arguments["version"]) == ("full", 1)
    assert tokens_of(command) == ["A1"]
    assert (held(db).version, [one["token"] for one in held(db).entries]) == (1, ["A1"])


def test_later_only_what_changed_is_sent(db, add, send, now):
    first, second = add("A1"), add("B2")
    send()
    tags.archive(db, ADA, first, now=now)
    tags.edit(db, ADA, second, now=now, expires_at=now + timedelta(days=1))
    add("C3")
    [command] = send()
    assert (command.arguments["update"], command.arguments["version"]) == ("differential", 2)
    assert [entry["token"] for entry in command.arguments["removed"]] == ["A1"]
    assert tokens_of(command) == ["B2", "C3"]
    assert [one["token"] for one in held(db).entries] == ["B2", "C3"]


def test_what_is_there_already_is_not_sent_again_unless_the_whole_is_wanted(db, add, send):
    add("A1")
    send()
    with pytest.raises(Conflict, match="has this list already"):
        send()
    [command] = send(mode="full")
    assert command.arguments["version"] == 2


def test_a_difference_needs_a_list_to_differ_from(add, send):
    add("A1")
    with pytest.raises(Conflict, match="send the whole list"):
        send(mode="differential")


def test_a_list_can_be_emptied(db, add, send):
    add("A1")
    send()
    [command] = send(mode="empty")
    assert (command.arguments["update"], tokens_of(command)) == ("full", [])
    assert (held(db).version, held(db).entries) == (2, [])


def test_a_long_list_goes_in_parts_that_the_station_takes(db, station, add, send, now):
    set_to(db, station, now, SendLocalListMaxLength="2")
    for number in range(5):
        add(f"T{number}")
    parts = send(YES, YES, YES)
    assert [part.arguments["update"] for part in parts] == ["full", *["differential"] * 2]
    assert [tokens_of(part) for part in parts] == [["T0", "T1"], ["T2", "T3"], ["T4"]]
    assert [part.arguments["version"] for part in parts] == [1, 2, 3]
    assert len(held(db).entries) == 5
    assert all(part.requested_by == "Ada" for part in parts)


def test_bytes_count_where_the_station_counts_them(db, station, add, send):
    row = StationVariable(station_id=station.id, key="bytes", component="LocalAuthListCtrlr")
    row.variable, row.value = "BytesPerMessage", "600"
    db.add(row)
    for number in range(3):
        add(f"T{number}")
    first, second = send(YES, YES)
    assert (tokens_of(first), tokens_of(second)) == (["T0", "T1"], ["T2"])


def test_a_list_that_has_no_room_keeps_those_who_may_charge(db, station, add, now):
    set_to(db, station, now, LocalAuthListMaxLength="2")
    tags.block(db, ADA, add("A0"), now=now)
    add("B1")
    add("C2")
    found = wanted(db, station, now)
    assert [entry["token"] for entry in found.entries] == ["B1", "C2"]
    assert found.left_out == 1


def test_after_a_version_mismatch_the_whole_list_follows(db, add, send):
    add("A1")
    send()
    add("B2")
    mismatch, whole = send(NO, YES)
    assert mismatch.arguments["update"] == "differential"
    assert (whole.arguments["update"], tokens_of(whole)) == ("full", ["A1", "B2"])
    assert held(db).full_next is False


@pytest.mark.parametrize("known", [0, 1])
def test_a_part_that_is_refused_is_followed_by_nothing(db, station, add, send, now, known):
    if known:
        add("A1")
        send()
    set_to(db, station, now, SendLocalListMaxLength="2")
    for number in range(5):
        add(f"T{number}")
    # A station that has no room for all and does not say so: the whole list would never end.
    parts = send(*([NO] if known else []), YES, NO)
    assert [part.arguments["update"] for part in parts[-2:]] == ["full", "differential"]
    assert db.query(Command).count() == len(parts) + known
    assert held(db).full_next
    assert not local_lists.due(db, station, now=now)


def test_a_whole_list_that_is_refused_is_not_sent_again_by_itself(db, add, send):
    add("A1")
    failed = Outcome(CommandState.REJECTED, {"status": "Failed"}, "It could not.")
    send(failed)
    assert db.query(Command).count() == 1
    assert (held(db).version, held(db).sentence) == (0, "It could not.")


def test_without_an_answer_only_the_whole_list_makes_sure(db, add, send):
    add("A1")
    send()
    add("B2")
    send(Outcome(CommandState.TIMED_OUT, None, "No answer."))
    assert held(db).full_next
    [command] = send()
    assert command.arguments["update"] == "full"


def test_one_list_at_a_time_is_on_its_way(db, station, add, now):
    add("A1")
    commands.queue(db, ADA, station, Order.SEND_LOCAL_LIST, {}, now=now, ttl_s=60)
    with pytest.raises(Conflict, match="on its way"):
        commands.queue(db, ADA, station, Order.SEND_LOCAL_LIST, {}, now=now, ttl_s=60)


def ask_version(db, station, now, number):
    command = commands.queue(db, ADA, station, Order.READ_LOCAL_LIST_VERSION, {}, now=now, ttl_s=60)
    command.state = CommandState.SENT
    said = Outcome(CommandState.ACCEPTED, {"listVersion": number}, "Told.", {"version": number})
    commands.settle(db, command, said, now=now)
    return held(db)


def test_a_station_that_says_another_version_has_drifted(db, station, add, send, now):
    add("A1")
    send()
    assert not local_lists.drifted(ask_version(db, station, now, 1))
    row = ask_version(db, station, now, 7)
    assert local_lists.drifted(row)
    [command] = send()
    assert (command.arguments["update"], command.arguments["version"]) == ("full", 8)
    later = now + timedelta(seconds=1)
    row.accepted_at = later
    assert not local_lists.drifted(row)


@pytest.mark.parametrize("number", [0, -1])
def test_no_version_is_ever_zero_or_less(db, station, add, send, now, number):
    ask_version(db, station, now, number)
    add("A1")
    [command] = send()
    assert command.arguments["version"] == 1


def test_numbers_start_again_when_there_is_no_greater_one(db, station, add, send, now):
    ask_version(db, station, now, 2**31 - 1)
    add("A1")
    [command] = send()
    assert command.arguments["version"] == 1
    held(db).accepted_at = now + timedelta(seconds=1)  # it was told before that
    add("B2")
    [command] = send()
    assert command.arguments["version"] == 2


def test_tokens_that_the_version_cannot_carry_are_known_to_be_missing(db, station, add, send, now):
    add("A" * 30)
    add("B2")
    send(Outcome(CommandState.ACCEPTED, {}, "Held.", {"untold": ["A" * 30]}))
    assert [entry.get("untold", False) for entry in held(db).entries] == [True, False]
    assert not local_lists.due(db, station, now=now)


def test_a_station_without_lists_is_left_alone(db, station, add, send, now):
    add("A1")
    no_such = {"unsupported": True}
    send(Outcome(CommandState.REJECTED, {}, "It keeps no list.", no_such))
    assert held(db).reported_version == -1
    assert not local_lists.due(db, station, now=now + timedelta(days=1))


def test_lists_are_kept_up_only_where_the_onboarding_says_so(db, station, add, now):
    add("A1")
    assert local_lists.kept_up(db, now) == []
    station.onboarding = {"local_list": True}
    assert local_lists.kept_up(db, now) == [station.id]
    command = local_lists.keep_up(db, station, now=now)
    assert tokens_of(command) == ["A1"]
    assert local_lists.keep_up(db, station, now=now) is None
    command.state = CommandState.SENT
    commands.settle(db, command, YES, now=now)
    assert local_lists.keep_up(db, station, now=now) is None
    add("B2")
    assert tokens_of(local_lists.keep_up(db, station, now=now)) == ["B2"]


def settled(db, command, answer, now):
    command.state = CommandState.SENT
    commands.settle(db, command, answer, now=now)


def later(db, now, seconds):
    moment = now + timedelta(seconds=seconds)
    presence.beat(db, "worker-a", now=moment)
    return moment


def test_what_changes_while_a_list_is_on_its_way_is_sent_after_it(db, station, add, now):
    tag = add("A1")
    station.onboarding = {"local_list": True}
    command = local_lists.keep_up(db, station, now=now)
    tags.block(db, ADA, tag, now=later(db, now, 20))
    settled(db, command, YES, later(db, now, 40))
    much_later = later(db, now, 3600)
    assert local_lists.kept_up(db, much_later) == [station.id]
    [entry] = local_lists.keep_up(db, station, now=much_later).arguments["entries"]
    assert (entry["token"], entry["status"]) == ("A1", "blocked")


def test_what_is_missing_of_a_list_is_sent_though_nothing_changes(db, station, add, send, now):
    set_to(db, station, now, SendLocalListMaxLength="2")
    for number in range(3):
        add(f"T{number}")
    station.onboarding = {"local_list": True}
    send(YES, Outcome(CommandState.EXPIRED, None, "It was away."))
    much_later = later(db, now, 2 * 3600)
    assert local_lists.kept_up(db, much_later) == [station.id]
    assert tokens_of(local_lists.keep_up(db, station, now=much_later)) == ["T2"]


@pytest.mark.parametrize("change", ["closed", "moved"])
def test_a_list_follows_its_station(db, tenant, station, add, send, now, change):
    add("A1", site_ids=frozenset({station.site_id}))
    station.onboarding = {"local_list": True}
    send()
    hour = later(db, now, 3600)
    other = sites.add(db, ADA, tenant.id, name="Other", timezone="UTC", currency="EUR", now=hour)
    assert local_lists.keep_up(db, station, now=hour) is None
    given = {"mode": StationMode.CLOSED} if change == "closed" else {"site_id": other.id}
    stations.edit(db, ADA, station, now=hour, **given)
    assert local_lists.kept_up(db, hour) == [station.id]
    [gone] = local_lists.keep_up(db, station, now=hour).arguments["removed"]
    assert gone["token"] == "A1"


def test_a_change_that_changes_no_list_is_looked_at_once(db, station, add, send, now):
    tag = add("A1")
    station.onboarding = {"local_list": True}
    send()
    hour = later(db, now, 3600)
    tags.edit(db, ADA, tag, now=hour, label="Spare")
    soon = later(db, now, 3700)
    assert local_lists.kept_up(db, soon) == [station.id]
    assert local_lists.keep_up(db, station, now=soon) is None
    assert local_lists.kept_up(db, soon) == []


def test_after_a_boot_it_is_asked_once_what_it_still_holds(db, station, add, send, now):
    add("A1")
    send()
    station.last_boot_at = now + timedelta(minutes=1)
    later = now + timedelta(seconds=70)
    presence.beat(db, "worker-a", now=later)
    command = local_lists.keep_up(db, station, now=later)
    assert command.order is Order.READ_LOCAL_LIST_VERSION
    assert local_lists.keep_up(db, station, now=later) is None
    command.state = CommandState.SENT
    empty = Outcome(CommandState.ACCEPTED, {"listVersion": 0}, "None.", {"version": 0})
    commands.settle(db, command, empty, now=later)
    again = local_lists.keep_up(db, station, now=later)
    assert (again.arguments["update"], tokens_of(again)) == ("full", ["A1"])


def test_after_a_refusal_it_rests(db, station, add, now):
    add("A1")
    command = local_lists.keep_up(db, station, now=now)
    command.state = CommandState.SENT
    commands.settle(db, command, Outcome(CommandState.REJECTED, {}, "No."), now=now)
    assert local_lists.keep_up(db, station, now=now + timedelta(minutes=59)) is None
    assert local_lists.due(db, station, now=now + timedelta(minutes=61))


def test_a_difference_is_by_tag_whatever_its_case():
    before = [{"token": "ab", "status": "accepted"}, {"token": "c", "status": "accepted"}]
    after = [{"token": "AB", "status": "accepted"}, {"token": "d", "status": "accepted"}]
    found = difference(before, after)
    assert [len(found.added), len(found.changed), len(found.removed)] == [1, 1, 1]
