"""The firmware library: images that the desk keeps and stations fetch."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground import texts
from app.domain.ground.errors import Conflict, Invalid, NotFound, Taken
from app.domain.ground.vocabulary import Actor, FileJobState
from app.domain.office import audit
from app.models import FileJob, FirmwareFile
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


def add(
    db: Session, actor: Actor, tenant_id: int, stored: Stored, *, now: datetime, **given: Any
) -> FirmwareFile:
    """Put an image into the library, of what `NewFirmware` names.

    Raises `Invalid`, or `Taken` for the same bytes again.
    """
    twin = db.scalar(
        select(FirmwareFile).where(
            FirmwareFile.tenant_id == tenant_id, FirmwareFile.sha256 == stored.sha256
        )
    )
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
    busy = db.scalar(
        select(FileJob.id).where(
            FileJob.firmware_id == row.id,
            FileJob.state.in_((FileJobState.ASKED, FileJobState.RUNNING)),
        )
    )
    if busy is not None:
        raise Conflict(f"Version {row.version} is on its way to a station: wait for job {busy}.")
    audit.archive(db, actor, "firmware", row, now=now)


def restore(db: Session, actor: Actor, row: FirmwareFile, *, now: datetime) -> None:
    """Take an image out of the archive."""
    audit.restore(db, actor, "firmware", row, now=now)


def called(db: Session, tenant_id: int, text: str) -> FirmwareFile:
    """Find an image by its id or, where only one has it, its version; raises `NotFound`."""
    query = select(FirmwareFile).where(FirmwareFile.tenant_id == tenant_id)
    found = list(db.scalars(query.where(FirmwareFile.version == text)))
    if len(found) == 1:
        return found[0]
    if (number := texts.row_id(text)) is not None:
        row = db.scalar(query.where(FirmwareFile.id == number))
        if row is not None:
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
