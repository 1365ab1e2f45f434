"""Files that go to and come from stations: firmware, and logs with their jobs."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import FileJobKind, FileJobState
from app.models.base import AtStation, Base, BigId, Id, StationOwned, TenantOwned, choice

if TYPE_CHECKING:
    from app.models.stations import Station


class FirmwareFile(TenantOwned, Base):
    """A firmware image kept by the desk; `stored_as` is its random name in the data folder."""

    __tablename__ = "firmware_files"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(200))
    version: Mapped[str] = mapped_column(String(60))
    vendor: Mapped[str | None] = mapped_column(String(120))
    model: Mapped[str | None] = mapped_column(String(120))
    stored_as: Mapped[str] = mapped_column(String(80))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    md5: Mapped[str] = mapped_column(String(32))
    signature: Mapped[str | None] = mapped_column(Text)
    signing_certificate: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


class FileJob(AtStation, TenantOwned, Base):
    """One firmware update, log or diagnostics upload; its id is OCPP's requestId.

    `key_hash` is the hash of the secret in the job's URL, which is good until
    `expires_at`.  `word` is the station's last status as it spelled it, and
    `steps` all of them: [at, word, what it means to us].  `stored_as`, `size_bytes`
    and `sha256` are of what the station uploaded.
    """

    __tablename__ = "file_jobs"
    __table_args__ = (
        Index("ix_file_jobs_station_created", "station_id", "created_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    kind: Mapped[FileJobKind] = mapped_column(choice(FileJobKind))
    state: Mapped[FileJobState] = mapped_column(choice(FileJobState), default=FileJobState.ASKED)
    word: Mapped[str | None] = mapped_column(String(40))
    sentence: Mapped[str | None] = mapped_column(String(300))
    steps: Mapped[list[Any]] = mapped_column(default=list)
    arguments: Mapped[dict[str, Any]] = mapped_column(default=dict)
    firmware_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("firmware_files.id"))
    key_hash: Mapped[str | None] = mapped_column(String(64), index=True)
    limit_bytes: Mapped[int | None] = mapped_column(BigInteger)
    file_name: Mapped[str | None] = mapped_column(String(255))
    stored_as: Mapped[str | None] = mapped_column(String(80))
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    downloads: Mapped[int] = mapped_column(default=0)
    command_id: Mapped[int | None] = mapped_column(BigId)
    created_by: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]

    station: Mapped["Station"] = relationship()
    firmware: Mapped[FirmwareFile | None] = relationship()


class CustomerReport(StationOwned, Base):
    """What a station knows of a customer, gathered from its parts (2.0.1 N09).

    Personal data: shown to admins only and erased after its time.  `about` says in
    words who was asked for; `parts` are the texts by their number, until the last
    one (`last_part`) and all before it are there and `text` is the whole.  Its id
    is OCPP's requestId, unless the station told it unasked (`request_id`).
    """

    __tablename__ = "customer_reports"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[Id]
    request_id: Mapped[int | None] = mapped_column(BigId)
    about: Mapped[str] = mapped_column(String(200), default="")
    asked_by: Mapped[str | None] = mapped_column(String(120))
    asked_at: Mapped[datetime | None]
    sentence: Mapped[str | None] = mapped_column(String(300))
    parts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    last_part: Mapped[int | None]
    text: Mapped[str] = mapped_column(Text, default="")
    complete: Mapped[bool] = mapped_column(default=False)
    received_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]

    station: Mapped["Station"] = relationship()
