"""Certificates: ours for stations, those that stations hold, and the authority's own."""

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, Id, StationOwned, TenantOwned, Word

if TYPE_CHECKING:
    from app.models.stations import Station


class AuthorityCertificate(TenantOwned, Base):
    """A certificate of the built-in authority, or a root that staff keep for installing.

    `use` is station_root, station_sub, csms_root, v2g_root, mo_root,
    manufacturer_root or oem_root; `key_file` names the private key in the data folder
    where it is our own.
    """

    __tablename__ = "authority_certificates"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120))
    use: Mapped[Word]
    pem: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(String(300))
    serial_number: Mapped[str] = mapped_column(String(60))
    fingerprint: Mapped[str] = mapped_column(String(64), index=True)
    starts_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    key_file: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


class StationCertificate(StationOwned, Base):
    """A certificate of or in a station.

    `use` is station (its own), v2g (its ISO 15118 one), or the use of a root
    that it has installed.  `state` is requested (a signing request came), issued
    (signed, on its way), accepted, rejected, installed, deleted, revoked.
    `approved_at` is when it was decided that a request may be signed, by a person or because
    it renews a certificate of ours.  The hashes are those by which OCPP names a certificate
    (CertificateHashData).
    """

    __tablename__ = "station_certificates"
    __table_args__ = (
        Index("ix_station_certificates_station_use", "station_id", "use"),
        Index("ix_station_certificates_expires_at", "expires_at"),
    )

    id: Mapped[Id]
    use: Mapped[Word]
    state: Mapped[Word]
    sentence: Mapped[str | None] = mapped_column(String(300))
    request_id: Mapped[int | None]
    csr: Mapped[str | None] = mapped_column(Text)
    pem: Mapped[str | None] = mapped_column(Text)
    subject: Mapped[str | None] = mapped_column(String(300))
    issuer: Mapped[str | None] = mapped_column(String(300))
    serial_number: Mapped[str | None] = mapped_column(String(60))
    fingerprint: Mapped[str | None] = mapped_column(String(64), index=True)
    hash_algorithm: Mapped[str | None] = mapped_column(String(10))
    issuer_name_hash: Mapped[str | None] = mapped_column(String(128))
    issuer_key_hash: Mapped[str | None] = mapped_column(String(128))
    starts_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    station: Mapped["Station"] = relationship()
