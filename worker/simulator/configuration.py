"""The configuration keys of a simulated charge point (OCPP 1.6 section 9)."""

from dataclasses import dataclass, field
from typing import Any

from worker.simulator.profiles import HIGHEST_STACK_LEVEL, MOST_PERIODS

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
