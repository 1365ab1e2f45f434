"""Files that stations fetch or bring: the library of firmware, what their orders need, addresses.

The secret in an address of ours is random, kept as a hash, good for one job and for
a time.  An address is made without its host: how a station reaches the desk is
known where the order is sent (`addressed`).  It is short, because some stations
keep it in a small buffer (FIELD K5).
"""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.commands.orders.spec import Ask, Prepared
from app.domain.ground import texts
from app.domain.ground.errors import Conflict, Invalid, NotFound, Taken
from app.domain.ground.rows import newest
from app.domain.ground.vocabulary import Actor, Arguments, FileJobKind, FileJobState, Json
from app.domain.ground.vocabulary.standard import abilities
from app.domain.office import audit
from app.domain.office.sign_ins import digest
from app.models import FileJob, FirmwareFile, Station, StationReport
from app.schemas.device import NewFirmware

#: Base64 text of at most so many characters fits into every version's message.
_SIGNATURE_LIMIT = 800
_CERTIFICATE_LIMIT = 5500
_SIGNED = ("signature", "signing_certificate")
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that lies in the data folder: its random name there, its size and its digests."""

    stored_as: str
    size_bytes: int
    sha256: str
    md5: str


def add_image(
    db: Session, actor: Actor, tenant_id: int, stored: Stored, *, now: datetime, **given: Any
) -> FirmwareFile:
    """Put an image into the library, of what `NewFirmware` names.

    Raises `Invalid`, or `Taken` for the same bytes again.
    """
    query = select(FirmwareFile).where(FirmwareFile.tenant_id == tenant_id)
    twin = db.scalar(query.where(FirmwareFile.sha256 == stored.sha256))
    if twin is not None:
        where = "in the archive" if twin.archived_at else "in the library already"
        raise Taken(f"The same file is {where}, as version {twin.version}.", field="file")
    row = FirmwareFile(
        tenant_id=tenant_id,
        **NewFirmware.kept(given, {"name": _file_name}, but=_SIGNED),
        **asdict(stored),
        created_by=actor.name,
        created_at=now,
    )
    row.signature, row.signing_certificate = signed_by(*(given.get(name) for name in _SIGNED))
    return audit.added(db, actor, "firmware.add", row, now=now)


def archive(db: Session, actor: Actor, row: FirmwareFile, *, now: datetime) -> None:
    """Put an image away; `Conflict` while a station is fetching it."""
    under_way = FileJob.state.in_((FileJobState.ASKED, FileJobState.RUNNING))
    busy = db.scalar(select(FileJob.id).where(FileJob.firmware_id == row.id, under_way))
    if busy is not None:
        raise Conflict(f"Version {row.version} is on its way to a station: wait for job {busy}.")
    audit.archive(db, actor, row, now=now, kind="firmware")


restore = partial(audit.restore, kind="firmware")


def image_called(db: Session, tenant_id: int, text: str) -> FirmwareFile:
    """Find an image by its id or, where only one has it, its version; raises `NotFound`."""
    query = select(FirmwareFile).where(FirmwareFile.tenant_id == tenant_id)
    found = list(db.scalars(query.where(FirmwareFile.version == text)))
    if len(found) == 1:
        return found[0]
    number = texts.row_id(text)
    if number is not None and (row := db.scalar(query.where(FirmwareFile.id == number))):
        return row
    many = "several files of version" if found else "no firmware called"
    raise NotFound(
        f"There is {many} {text}{': use its number' if found else ''}.", field="firmware"
    )


def signed_by(
    signature: str | None, certificate: str | None
) -> tuple[str, str] | tuple[None, None]:
    """Check a signature with the certificate that proves it; both or neither."""
    signature = "".join((signature or "").split())
    certificate = (certificate or "").strip()
    if not signature and not certificate:
        return None, None
    if not signature or not certificate:
        missing = "signing_certificate" if signature else "signature"
        raise Invalid("A signature and its certificate go together.", field=missing)
    if not set(signature) <= _BASE64 or len(signature) > _SIGNATURE_LIMIT:
        raise Invalid(
            f"The signature is base64, {_SIGNATURE_LIMIT} characters at most.", field="signature"
        )
    if len(certificate) > _CERTIFICATE_LIMIT:
        raise Invalid("The certificate is too long.", field="signing_certificate")
    try:
        x509.load_pem_x509_certificate(certificate.encode())
    except ValueError:
        raise Invalid(
            "The certificate is PEM: it begins with -----BEGIN CERTIFICATE-----.",
            field="signing_certificate",
        ) from None
    return signature, certificate


def _file_name(name: str) -> str:
    """What the file was called, for people: the last part of a path, printable."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in last if char.isprintable())[:200] or "firmware"


#: 128 random bits: 22 characters.
_KEY_BYTES = 16
#: The end of a name tells what kind of file it is.
_LONGEST_NAME = 40
#: What is fetched by the station; everything else is brought by it.
FETCHED = frozenset({FileJobKind.FIRMWARE, FileJobKind.PUBLISHED_FIRMWARE})
BROUGHT = frozenset(FileJobKind) - FETCHED


def new_key() -> str:
    """Make the secret of an address."""
    return secrets.token_urlsafe(_KEY_BYTES)


def path_of(kind: FileJobKind, key: str, name: str = "") -> str:
    """The address of a job without its host; `name` for stations that want to see one."""
    path = f"/{'f' if kind in FETCHED else 'u'}/{key}"
    return f"{path}/{quote(name[-_LONGEST_NAME:], safe='')}" if name else path


def addressed(arguments: Arguments, base: str) -> Json:
    """The arguments with an address that a station can use: `base` is put before our own.

    Arguments without an address, or with one of somebody else's, are as they were.
    """
    location = arguments.get("location")
    if not isinstance(location, str) or not location.startswith("/"):
        return dict(arguments)
    return {**arguments, "location": base.rstrip("/") + location}


def ends_at(now: datetime, hours: int, *moments: str | None) -> datetime:
    """When a job's time is over: so many hours after the latest of now and what was asked for."""
    given = [datetime.fromisoformat(moment) for moment in moments if moment]
    return max([now, *given]) + timedelta(hours=hours)


# What file orders need before they can be queued: a job, its address, its signature.

#: How long an address is good when nobody says otherwise.
_HOURS = 24
#: Arguments that are kept with the job; addresses may hold a password and are not.
_KEPT = (
    *("retrieve_at", "install_at", "oldest", "latest", "version", "checksum", "retries"),
    "extended",
)
#: Jobs whose question the station took.
_TAKEN = (FileJobState.RUNNING, FileJobState.DONE, FileJobState.FAILED)


def prepare_update(ask: Ask) -> Prepared:
    """Make the job of an update; what is sent is signed where it can be, unless told otherwise."""
    image = _image(ask)
    signed = _signature(ask, image)
    given = {name: value for name, value in ask.given.items() if name not in _SIGNED}
    given.setdefault("retrieve_at", ask.now.isoformat())
    if image is not None:
        given["version"] = image.version
    prepared = _with_job(ask, FileJobKind.FIRMWARE, given, image)
    return Prepared({**prepared.arguments, **signed}, prepared.subject)


def prepare_publishing(ask: Ask) -> Prepared:
    """Make the job of a local controller that is to hand firmware on (2.x L03)."""
    image = _image(ask)
    given = {**ask.given, "checksum": _checksum(ask.given, image)}
    return _with_job(ask, FileJobKind.PUBLISHED_FIRMWARE, given, image)


def prepare_unpublishing(ask: Ask) -> Prepared:
    """Look up the checksum by which published firmware is withdrawn."""
    image = _in_library(ask) if "firmware_id" in ask.given else None
    return Prepared({**ask.given, "checksum": _checksum(ask.given, image)})


def prepare_logs(ask: Ask) -> Prepared:
    """Make the job of an upload."""
    kind, given = FileJobKind(ask.given["kind"]), dict(ask.given)
    if given.get("oldest") and given.get("latest") and given["latest"] <= given["oldest"]:
        raise Invalid("The end of a log must be after its beginning.", field="latest")
    if abilities(ask.station.protocol).two_forms:
        given.setdefault("extended", knows_extension(ask.db, ask.station))
    else:
        given.pop("extended", None)
    return _with_job(ask, kind, given)


def knows_extension(db: Session, station: Station) -> bool:
    """Tell whether a station speaks the security extension: told, seen in an answer or a message.

    Only OCPP 1.6 asks: later versions have all of it within.
    """
    told = station.quirks.get("security_extension")
    if told is not None:
        return bool(told)
    last = newest(
        db, FileJob, FileJob.state.in_(_TAKEN), station_id=station.id, kind=FileJobKind.DIAGNOSTICS
    )
    if last is not None and "extended" in last.arguments:
        return bool(last.arguments["extended"])
    sent = select(StationReport.id).where(
        StationReport.station_id == station.id, StationReport.kind == "security"
    )
    return db.scalar(sent.limit(1)) is not None


def _with_job(
    ask: Ask, kind: FileJobKind, given: Arguments, image: FirmwareFile | None = None
) -> Prepared:
    key = None if given.get("url") else new_key()
    job = FileJob(
        tenant_id=ask.station.tenant_id,
        station_id=ask.station.id,
        kind=kind,
        steps=[],
        arguments={name: given[name] for name in _KEPT if name in given},
        firmware_id=image.id if image else None,
        key_hash=digest(key) if key else None,
        created_by=ask.actor.name,
        created_at=ask.now,
        expires_at=ends_at(
            ask.now, given.get("valid_h", _HOURS), given.get("retrieve_at"), given.get("install_at")
        ),
    )
    ask.db.add(job)
    ask.db.flush()
    name = image.name if image and ask.station.quirks.get("file_name_in_url") else ""
    location = path_of(kind, key, name) if key else given["url"]
    return Prepared({**given, "request_id": job.id, "location": location}, f"file_job:{job.id}")


def _image(ask: Ask) -> FirmwareFile | None:
    """The image of the library that is meant; None for an address of somebody's own."""
    if "url" in ask.given and "firmware_id" in ask.given:
        raise Invalid("Name firmware of the library or an address of your own, not both.")
    if "url" in ask.given:
        return None
    if "firmware_id" not in ask.given:
        raise Invalid("Say which firmware, or where it lies.", field="firmware_id")
    return _in_library(ask)


def _in_library(ask: Ask) -> FirmwareFile:
    image = ask.db.get(FirmwareFile, ask.given["firmware_id"])
    if image is None or image.tenant_id != ask.station.tenant_id:
        raise NotFound("There is no such firmware.", field="firmware_id")
    if image.archived_at is not None:
        raise Conflict(f"Version {image.version} is in the archive.", field="firmware_id")
    return image


def _signature(ask: Ask, image: FirmwareFile | None) -> dict[str, str]:
    """Signature and certificate as they are sent; nothing where the update goes unsigned."""
    wanted = ask.given.get("signed")
    if image is not None:
        signature, certificate = image.signature, image.signing_certificate
    else:
        signature, certificate = signed_by(*(ask.given.get(name) for name in _SIGNED))
    if wanted is False:
        return {}
    if wanted and not signature:
        raise Invalid("It has no signature, so it cannot be sent signed.", field="signed")
    plain = abilities(ask.station.protocol).two_forms and not knows_extension(ask.db, ask.station)
    own = image is None or wanted
    if not signature or not certificate or (plain and not own):
        return {}
    return {"signature": signature, "signing_certificate": certificate}


def _checksum(checked: Arguments, image: FirmwareFile | None) -> str:
    checksum = image.md5 if image is not None else checked.get("checksum")
    if not checksum:
        raise Invalid("Give the MD5 of the file.", field="checksum")
    return str(checksum)
