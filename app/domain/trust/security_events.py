"""Security events of stations: what they report, and which of it alarms."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging import reports
from app.domain.ground.vocabulary import Json
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
#: What we find out ourselves, and how it is said of a station.
FOUND = {
    "ForeignNameRequested": "asked for a certificate in a name that is not its own",
    "ForeignSerialNumber": "gave the serial number of another station",
}
#: All that somebody should look at.
GRAVE = ALARMING | FOUND.keys()
#: After which time what we found is said again, and how much is said of a station until then.
AGAIN, MOST = timedelta(hours=1), 10
#: The kind of their reports.
KIND = "security"


def take(
    db: Session, station: Station, word: str, payload: Json, *, at: datetime, now: datetime
) -> StationReport:
    """Keep a security event of a station."""
    return reports.add(db, station, KIND, word, payload, at=at, now=now)


def find(db: Session, station: Station, word: str, sentence: str, *, now: datetime) -> None:
    """Keep what we found out about a station ourselves; `word` is one of `FOUND`.

    The same is said once an hour, and no more than a few things are: a station can repeat itself.
    """
    recent = db.scalars(
        select(StationReport.payload)
        .where(
            StationReport.station_id == station.id,
            StationReport.kind == KIND,
            StationReport.word == word,
            StationReport.received_at > now - AGAIN,
        )
        .limit(MOST)
    ).all()
    if len(recent) < MOST and {"techInfo": sentence} not in recent:
        reports.add(db, station, KIND, word, {"techInfo": sentence}, at=now, now=now)
