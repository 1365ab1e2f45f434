"""Which of its charging profiles a simulated charge point obeys, and when."""

from datetime import UTC, datetime, timedelta

from worker.simulator.configuration import Profiles

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MOST_W = 22_000.0


def profile(number, purpose, limit, level=0, kind="Absolute", **more):
    periods = more.pop("periods", [{"startPeriod": 0, "limit": limit}])
    unit = more.pop("unit", "W")
    schedule = {"chargingRateUnit": unit, "chargingSchedulePeriod": periods}
    if kind != "Relative":
        schedule["startSchedule"] = more.pop("starts", "2026-03-02T00:00:00Z")
    if "duration" in more:
        schedule["duration"] = more.pop("duration")
    return {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": schedule,
        **more,
    }


def limit(profiles, at=NOW, begun=None, connector=1):
    return profiles.limit_w(connector, at, begun, MOST_W)


def test_without_profiles_the_hardware_is_the_limit():
    assert limit(Profiles()) == MOST_W


def test_the_highest_level_counts_and_the_station_caps_it():
    profiles = Profiles()
    assert profiles.put(1, profile(1, "TxDefaultProfile", 5000))
    assert profiles.put(1, profile(2, "TxDefaultProfile", 9000, level=3))
    assert limit(profiles) == 9000
    assert limit(profiles, connector=2) == MOST_W
    assert profiles.put(0, profile(3, "ChargePointMaxProfile", 7000))
    assert limit(profiles) == 7000


def test_a_profile_of_the_session_goes_before_the_default():
    profiles = Profiles()
    profiles.put(0, profile(1, "TxDefaultProfile", 5000))
    profiles.put(1, profile(2, "TxProfile", 8000, kind="Relative", duration=600))
    assert limit(profiles, begun=NOW) == 8000
    assert limit(profiles, begun=NOW - timedelta(hours=1)) == 5000
    assert limit(profiles) == 5000


def test_what_repeats_begins_anew_each_day():
    profiles = Profiles()
    periods = [
        {"startPeriod": 0, "limit": 32, "numberPhases": 1},
        {"startPeriod": 32_400, "limit": 6},
    ]
    daily = profile(1, "TxDefaultProfile", 0, unit="A", periods=periods, kind="Recurring")
    profiles.put(0, {**daily, "recurrencyKind": "Daily"})
    tomorrow = NOW + timedelta(days=1)
    assert limit(profiles, tomorrow) == 6 * 690
    assert limit(profiles, tomorrow - timedelta(seconds=1)) == 32 * 230


def test_a_profile_holds_only_while_it_is_valid():
    profiles = Profiles()
    profiles.put(1, profile(1, "TxDefaultProfile", 1, validTo="2026-03-02T09:00:00Z"))
    assert limit(profiles) == MOST_W
    assert limit(profiles, NOW - timedelta(seconds=1)) == 1


def test_the_same_number_or_the_same_place_is_replaced():
    profiles = Profiles()
    profiles.put(1, profile(1, "TxDefaultProfile", 1000))
    profiles.put(1, profile(2, "TxDefaultProfile", 2000))
    profiles.put(2, profile(2, "TxDefaultProfile", 3000))
    assert [each.connector for each in profiles.held] == [2]
    assert not profiles.put(1, profile(4, "ChargePointMaxProfile", 1))
