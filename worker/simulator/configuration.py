"""What a simulated charge point was told: configuration keys and profiles (OCPP 1.6 §9, §3.13).

Stations of 2.x keep both under the names of 1.6.

Of profiles it takes amperes and watts, one schedule each, and all kinds.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from worker.ocpp.fields import Fields
from worker.ocpp.frames import Payload

VOLTS = 230.0
PHASES = 3
HIGHEST_STACK_LEVEL = 8
MOST_PERIODS = 24
_EVERY_S = {"Daily": 86_400.0, "Weekly": 604_800.0}
_STATION = "ChargePointMaxProfile"

READ_ONLY = frozenset(
    {
        "ChargeProfileMaxStackLevel",
        "ChargingScheduleAllowedChargingRateUnit",
        "ChargingScheduleMaxPeriods",
        "ConnectorPhaseRotationMaxLength",
        "GetConfigurationMaxKeys",
        "NumberOfConnectors",
        "SupportedFeatureProfiles",
    }
)
WRITE_ONLY = frozenset({"AuthorizationKey"})
#: A number of seconds, with the least that is taken.
SECONDS = {
    "HeartbeatInterval": 1,
    "MeterValueSampleInterval": 0,
    "ClockAlignedDataInterval": 0,
    "WebSocketPingInterval": 0,
    "ConnectionTimeOut": 0,
    "TransactionMessageRetryInterval": 0,
}
REBOOT = frozenset({"LocalPreAuthorize"})


@dataclass(slots=True)
class Configuration:
    """Keys and values, with the rules for changing them."""

    connectors: int
    values: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = {
            "AllowOfflineTxForUnknownId": "false",
            "AuthorizeRemoteTxRequests": "false",
            "ChargeProfileMaxStackLevel": str(HIGHEST_STACK_LEVEL),
            "ChargingScheduleAllowedChargingRateUnit": "Current,Power",
            "ChargingScheduleMaxPeriods": str(MOST_PERIODS),
            "ClockAlignedDataInterval": "0",
            "ConnectionTimeOut": "60",
            "ConnectorPhaseRotation": "0.RST,1.RST",
            "GetConfigurationMaxKeys": "50",
            "HeartbeatInterval": "300",
            "LocalAuthorizeOffline": "true",
            "LocalPreAuthorize": "false",
            "MeterValueSampleInterval": "60",
            "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import",
            "NumberOfConnectors": str(self.connectors),
            "ResetRetries": "1",
            "StopTransactionOnEVSideDisconnect": "true",
            "StopTransactionOnInvalidId": "true",
            "SupportedFeatureProfiles": "Core,RemoteTrigger,SmartCharging",
            "TransactionMessageAttempts": "3",
            "TransactionMessageRetryInterval": "10",
            "UnlockConnectorOnEVSideDisconnect": "true",
            "WebSocketPingInterval": "0",
            **self.values,
        }

    def seconds(self, key: str) -> float:
        """A value that is a number of seconds."""
        try:
            return float(self.values[key])
        except (KeyError, ValueError):
            return 0.0

    def report(self, wanted: list[str]) -> dict[str, Any]:
        """The answer to GetConfiguration."""
        known = [key for key in self.values if key not in WRITE_ONLY]
        keys = [key for key in wanted if key in known] if wanted else known
        answer: dict[str, Any] = {
            "configurationKey": [
                {"key": key, "readonly": key in READ_ONLY, "value": self.values[key]}
                for key in sorted(keys)
            ]
        }
        unknown = [key for key in wanted if key not in known]
        return {**answer, "unknownKey": unknown} if unknown else answer

    def change(self, key: str, value: str) -> str:
        """Set a value; return the status of ChangeConfiguration."""
        if key not in self.values and key not in WRITE_ONLY:
            return "NotSupported"
        if key in READ_ONLY:
            return "Rejected"
        if key in SECONDS and not (value.isdecimal() and int(value) >= SECONDS[key]):
            return "Rejected"
        self.values[key] = value
        return "RebootRequired" if key in REBOOT else "Accepted"


@dataclass(frozen=True, slots=True)
class Held:
    """One profile and where it holds; 0 is the whole station."""

    connector: int
    payload: Payload

    @property
    def fields(self) -> Fields:
        """The profile, to be read."""
        return Fields(self.payload)

    def limit_w(self, at: datetime, begun: datetime | None) -> float | None:
        """What it allows at an instant, in watts; None where it does not hold then."""
        profile, schedule = self.fields, self.fields.child("chargingSchedule")
        start, end = profile.instant("validFrom"), profile.instant("validTo")
        if (start and at < start) or (end and at >= end):
            return None
        since = schedule.instant("startSchedule") or begun
        if profile.text("chargingProfileKind") == "Relative":
            since = begun
        if since is None or at < since:
            return None
        seconds = (at - since).total_seconds()
        if every := _EVERY_S.get(profile.text("recurrencyKind", "")):
            seconds %= every
        lasts = schedule.integer("duration")
        if lasts is not None and seconds >= lasts:
            return None
        return _rate_w(schedule, seconds)


def _rate_w(schedule: Fields, seconds: float) -> float | None:
    found = None
    for period in schedule.list("chargingSchedulePeriod"):
        if period.integer("startPeriod", 0) > seconds:
            break
        rate = period.decimal("limit")
        amperes = schedule.text("chargingRateUnit") != "W"
        volts = VOLTS * period.integer("numberPhases", PHASES) if amperes else 1.0
        found = None if rate is None else float(rate) * volts
    return found


@dataclass(slots=True)
class Profiles:
    """All profiles that a station was given: kept, cleared, obeyed, summed up."""

    held: list[Held] = field(default_factory=list)

    def put(self, connector: int, payload: Payload) -> bool:
        """Keep a profile in the place of its like; False for one that the station cannot hold."""
        given = Fields(payload)
        periods = list(given.child("chargingSchedule").list("chargingSchedulePeriod"))
        purpose, level = given.text("chargingProfilePurpose"), given.integer("stackLevel", 0)
        if level > HIGHEST_STACK_LEVEL or len(periods) > MOST_PERIODS:
            return False
        if purpose == _STATION and connector:
            return False
        self.clear({"chargingProfilePurpose": purpose, "stackLevel": level}, connector)
        self.clear({"chargingProfileId": given.integer("chargingProfileId")}, None)
        self.held.append(Held(connector, payload))
        return True

    def clear(self, wanted: dict[str, Any], connector: int | None) -> int:
        """Forget the profiles that fit; return how many there were."""
        left = [each for each in self.held if not _fits(each, wanted, connector)]
        gone = len(self.held) - len(left)
        self.held = left
        return gone

    def limit_w(self, connector: int, at: datetime, begun: datetime | None, most_w: float) -> float:
        """What a connector may draw at an instant: of each purpose the highest level counts."""
        found = [most_w]
        for purposes in ((_STATION,), ("TxProfile",), ("TxDefaultProfile",)):
            limits = [
                (each.fields.integer("stackLevel", 0), limit)
                for each in self.held
                if each.fields.text("chargingProfilePurpose") in purposes
                and each.connector in (0, connector)
                and (limit := each.limit_w(at, begun)) is not None
            ]
            if limits:
                found.append(max(limits)[1])
                if purposes != (_STATION,):
                    break
        return min(found)

    def composite(
        self, connector: int, at: datetime, seconds: int, most_w: float, unit: str
    ) -> list[dict[str, Any]]:
        """The steps of the limits from `at` on, looked at every minute."""
        volts = 1.0 if unit == "W" else VOLTS * PHASES
        steps: list[dict[str, Any]] = []
        for start in range(0, max(seconds, 1), 60):
            now = at + timedelta(seconds=start)
            limit = round(self.limit_w(connector, now, at, most_w) / volts, 1)
            if not steps or steps[-1]["limit"] != limit:
                steps.append({"startPeriod": start, "limit": limit})
        return steps


def _fits(held: Held, wanted: dict[str, Any], connector: int | None) -> bool:
    if connector is not None and held.connector != connector:
        return False
    return all(held.payload.get(name) == value for name, value in wanted.items())
