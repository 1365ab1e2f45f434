"""Security events of stations: what they report, and which of it alarms."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain import reports
from app.models import Station, StationReport

#: Events that the specification calls critical and that are no daily routine
#: (2.0.1 part 2 appendix 1, security whitepaper section 3): somebody should look.
ALARMING = frozenset(
    {
        "InvalidCentralSystemCertificate",
        "InvalidChargePointCertificate",
        "InvalidChargingStationCertificate",
        "InvalidCsmsCertificate",
        "InvalidFirmwareSignature",
        "InvalidFirmwareSigningCertificate",
        "InvalidTLSCipherSuite",
        "InvalidTLSVersion",
        "MaintenanceLoginFailed",
        "MemoryExhaustion",
        "SecurityLogWasCleared",
        "TamperDetectionActivated",
        "AttemptedReplayAttacks",
    }
)
#: The kind of their reports.
KIND = "security"


def take(
    db: Session,
    station: Station,
    word: str,
    payload: dict[str, Any],
    *,
    at: datetime,
    now: datetime,
) -> StationReport:
    """Keep a security event of a station."""
    return reports.add(db, station, KIND, word, payload, at=at, now=now)
