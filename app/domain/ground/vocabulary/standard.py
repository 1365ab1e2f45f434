"""What the standard's versions can hold, and how it names what the business asks about.

No other file of the domain names a version, a message or a component of the standard, but the
records of orders that a raw message may stand for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

#: The versions that a station may be told to speak.
VERSIONS = ("1.6", "2.0.1", "2.1")
#: How many settings a station tells at once, where its settings are plain keys.
MAX_KEYS = "GetConfigurationMaxKeys"
#: A component that every station has whose settings are no plain keys.
A_COMPONENT = "ClockCtrlr"
#: Which limits of a session a station keeps itself (2.1 E16).
SUPPORTED_LIMITS = "TxCtrlr/SupportedLimits"
#: Whether a station leaves the receipts of payments at it to us (2.1 C21.FR.03).
RECEIPTS_ARE_OURS = "PaymentCtrlr/ReceiptByCSMS"

_NAMES = """
    AllowOfflineTxForUnknownId AuthorizationCacheEnabled AuthorizeRemoteTxRequests BlinkRepeat
    ChargeProfileMaxStackLevel ChargingScheduleAllowedChargingRateUnit ChargingScheduleMaxPeriods
    ClockAlignedDataInterval ConnectionTimeOut ConnectorPhaseRotation
    ConnectorPhaseRotationMaxLength ConnectorSwitch3to1PhaseSupported CpoName
    GetConfigurationMaxKeys HeartbeatInterval LightIntensity LocalAuthListEnabled
    LocalAuthListMaxLength LocalAuthorizeOffline LocalPreAuthorize MaxChargingProfilesInstalled
    MaxEnergyOnInvalidId MeterValueSampleInterval MeterValuesAlignedData
    MeterValuesAlignedDataMaxLength MeterValuesSampledData MeterValuesSampledDataMaxLength
    MinimumStatusDuration NumberOfConnectors ReserveConnectorZeroSupported ResetRetries
    SecurityProfile SendLocalListMaxLength StopTransactionOnEVSideDisconnect
    StopTransactionOnInvalidId StopTxnAlignedData StopTxnAlignedDataMaxLength StopTxnSampledData
    StopTxnSampledDataMaxLength SupportedFeatureProfiles SupportedFeatureProfilesMaxLength
    SupportedFileTransferProtocols TransactionMessageAttempts TransactionMessageRetryInterval
    UnlockConnectorOnEVSideDisconnect WebSocketPingInterval
"""
#: The plain keys of section 9 of 1.6 and section 2 of its security whitepaper, for stations that
#: cannot tell all of theirs at once.
STANDARD_KEYS = tuple(_NAMES.split())

_PROPOSED_KEYS = {
    "TransactionMessageAttempts": ">=10",
    "TransactionMessageRetryInterval": "60",
    "MeterValueSampleInterval": "60..300",
    "WebSocketPingInterval": "60",
}
_PROPOSED_VARIABLES = {
    "OCPPCommCtrlr/MessageAttempts.TransactionEvent": ">=10",
    "OCPPCommCtrlr/MessageAttemptInterval.TransactionEvent": "60",
    "SampledDataCtrlr/TxUpdatedInterval": "60..300",
    "OCPPCommCtrlr/WebSocketPingInterval": "60",
    "OCPPCommCtrlr/RetryBackOffRepeatTimes": ">=3",
    "OCPPCommCtrlr/RetryBackOffRandomRange": ">=10",
    "OCPPCommCtrlr/RetryBackOffWaitMinimum": ">=10",
}


def _items(message: str) -> tuple[str, ...]:
    parts = ("DeviceDataCtrlr", "MonitoringCtrlr")
    return tuple(f"{part}/ItemsPerMessage.{message}" for part in parts)


_ITEMS = {
    "read": _items("GetVariables"),
    "change": _items("SetVariables"),
    "monitor": _items("SetVariableMonitoring"),
    "clear_monitors": _items("ClearVariableMonitoring"),
}


@dataclass(frozen=True, slots=True)
class Abilities:
    """What stations of a version can hold.

    Settings are `plain_keys` or variables of components; `item_limits` are those that say how many
    things one message may read, change, monitor or clear, and `proposed` what is offered at
    onboarding, as stations give up too soon as they come (FIELD 4).  A station of `two_forms` gets
    firmware and logs in one form by itself and in another by its security extension.
    """

    plain_keys: bool = False
    longest_value: int = 2500
    longest_display_text: int = 1024
    soft_restart_waits: bool = True
    two_forms: bool = False
    target_monitors: bool = True
    item_limits: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _ITEMS)
    proposed: Mapping[str, str] = field(default_factory=lambda: _PROPOSED_VARIABLES)


_KEYS = {"read": (MAX_KEYS,)}
#: A station that has not said what it speaks is asked as the oldest is.
_SILENT = Abilities(True, 500, item_limits=_KEYS, proposed=_PROPOSED_KEYS)
_NEWEST = Abilities()
_BY_PROTOCOL = {
    "": _SILENT,
    "ocpp1.6": Abilities(
        *(True, 500),
        soft_restart_waits=False,  # it ends sessions first (1.6 section 5.14)
        two_forms=True,
        item_limits=_KEYS,
        proposed=_PROPOSED_KEYS,
    ),
    "ocpp2.0.1": Abilities(longest_value=1000, longest_display_text=512, target_monitors=False),
    "ocpp2.1": _NEWEST,
}

#: In which version a session's number is ours, and in which it is the station's own, as a
#: station's row has them.
NUMBERED_BY_US, NUMBERED_BY_STATION = ("ocpp1.6",), ("ocpp2.0.1", "ocpp2.1")


def abilities(protocol: str | None) -> Abilities:
    """What a station can hold that speaks `protocol`, as its row has it."""
    return _BY_PROTOCOL.get(protocol or "", _NEWEST)
