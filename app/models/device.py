"""The device model: what a station is made of, its settings and monitors; files to and from it."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import FileJobKind, FileJobState
from app.models.base import AtStation, Base, BigId, Id, StationOwned, TenantOwned, Word, choice

if TYPE_CHECKING:
    from app.models.stations import Station


class StationVariable(StationOwned, Base):
    """One attribute of one variable of one component; a 1.6 key is a variable of no component.

    `key` is all of its names in one text, case-folded, by which it is found.
    `attribute` is actual, target, min_set or max_set.  `wanted` is what we last
    set successfully: where it differs from `value` the setting drifted.
    """

    __tablename__ = "station_variables"
    __table_args__ = (
        UniqueConstraint("station_id", "key"),
        # Few variables are set by us; those of all stations are looked through for drift.
        Index(
            "ix_station_variables_wanted",
            "station_id",
            "wanted_at",
            postgresql_where=text("wanted_at IS NOT NULL"),
            sqlite_where=text("wanted_at IS NOT NULL"),
        ),
        # Hardly any wait for a restart; every boot asks.
        Index(
            "ix_station_variables_reboot_required",
            "station_id",
            postgresql_where=text("reboot_required"),
            sqlite_where=text("reboot_required = 1"),
        ),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(400))
    component: Mapped[str] = mapped_column(String(50), default="")
    component_instance: Mapped[str | None] = mapped_column(String(50))
    evse: Mapped[int | None]
    connector: Mapped[int | None]
    variable: Mapped[str] = mapped_column(String(50))
    instance: Mapped[str | None] = mapped_column(String(50))
    attribute: Mapped[Word] = mapped_column(default="actual")
    value: Mapped[str | None] = mapped_column(Text)
    writable: Mapped[bool | None]
    readable: Mapped[bool | None]
    persistent: Mapped[bool | None]
    constant: Mapped[bool | None]
    data_type: Mapped[str | None] = mapped_column(String(20))
    unit: Mapped[str | None] = mapped_column(String(20))
    low: Mapped[str | None] = mapped_column(String(40))
    high: Mapped[str | None] = mapped_column(String(40))
    choices: Mapped[str | None] = mapped_column(Text)
    monitorable: Mapped[bool | None]
    reboot_required: Mapped[bool] = mapped_column(default=False)
    wanted: Mapped[str | None] = mapped_column(Text)
    wanted_at: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]

    station: Mapped["Station"] = relationship()


class VariableMonitor(StationOwned, Base):
    """A monitor on a variable; `number` is the station's id of it (None until it told).

    `state` is asked, active, rejected or cleared; `kind` upper_threshold,
    lower_threshold, delta, periodic, periodic_clock_aligned, target_delta, …
    `stream` is the number of the stream in which its values come (2.1), if they do.
    """

    __tablename__ = "variable_monitors"
    __table_args__ = (Index("ix_variable_monitors_station_number", "station_id", "number"),)

    id: Mapped[Id]
    number: Mapped[int | None]
    component: Mapped[str] = mapped_column(String(50))
    component_instance: Mapped[str | None] = mapped_column(String(50))
    evse: Mapped[int | None]
    connector: Mapped[int | None]
    variable: Mapped[str] = mapped_column(String(50))
    instance: Mapped[str | None] = mapped_column(String(50))
    kind: Mapped[Word]
    value: Mapped[str] = mapped_column(String(60))
    severity: Mapped[int]
    in_transaction_only: Mapped[bool] = mapped_column(default=False)
    set_by: Mapped[Word] = mapped_column(default="custom")
    state: Mapped[Word] = mapped_column(default="active")
    sentence: Mapped[str | None] = mapped_column(String(300))
    changed_at: Mapped[datetime]
    stream: Mapped[int | None]
    stream_interval_s: Mapped[int | None]
    stream_values: Mapped[int | None]
    stream_opened_at: Mapped[datetime | None]


class DeviceEvent(StationOwned, Base):
    """What a station noticed about one of its variables (NotifyEvent, 2.0.1 N07)."""

    __tablename__ = "device_events"
    __table_args__ = (
        Index("ix_device_events_station_at", "station_id", "at"),
        Index("ix_device_events_open", "cleared", "severity", "at"),
    )

    id: Mapped[Id]
    number: Mapped[int]
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    trigger: Mapped[Word]
    origin: Mapped[Word]
    component: Mapped[str] = mapped_column(String(50))
    component_instance: Mapped[str | None] = mapped_column(String(50))
    evse: Mapped[int | None]
    connector: Mapped[int | None]
    variable: Mapped[str] = mapped_column(String(50))
    instance: Mapped[str | None] = mapped_column(String(50))
    value: Mapped[str] = mapped_column(Text)
    monitor: Mapped[int | None]
    severity: Mapped[int | None]
    cause: Mapped[int | None]
    cleared: Mapped[bool] = mapped_column(default=False)
    tech_code: Mapped[str | None] = mapped_column(String(50))
    tech_info: Mapped[str | None] = mapped_column(String(500))
    transaction_ref: Mapped[str | None] = mapped_column(String(64))


class DisplayMessage(StationOwned, Base):
    """A text on a station's display; its id is OCPP's message id for those that we set.

    `state` is asked, shown, rejected or cleared.
    """

    __tablename__ = "display_messages"
    __table_args__ = (UniqueConstraint("station_id", "number"),)

    id: Mapped[Id]
    number: Mapped[int]
    priority: Mapped[Word]
    when: Mapped[str | None] = mapped_column(String(40))
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    transaction_ref: Mapped[str | None] = mapped_column(String(64))
    language: Mapped[str | None] = mapped_column(String(8))
    format: Mapped[Word] = mapped_column(default="utf8")
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[Word] = mapped_column(default="asked")
    sentence: Mapped[str | None] = mapped_column(String(300))
    changed_at: Mapped[datetime]


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
