"""The keys that stations of OCPP 1.6 have, for those that cannot tell all of theirs at once."""

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

#: From sections 9 of the specification and 2 of the security whitepaper.
STANDARD_KEYS = tuple(_NAMES.split())
