"""Tables, one file per noun, on a plain declarative base; no Flask here."""

from app.models.base import Base, SiteOwned, StationOwned, TenantOwned
from app.models.bills import Bill, BillCounter, BillLine, Delivery, Receipt, Review
from app.models.commands import Command
from app.models.connections import Connection, HandshakeAttempt, WorkerNode
from app.models.drivers import Driver
from app.models.messages import Message
from app.models.sessions import ChargingSession, MeterReading, StrayStop
from app.models.sites import Site
from app.models.staff import ApiToken, AuditEntry, OneTimeLink, OutgoingMail, User, user_sites
from app.models.stations import Connector, Deviation, Station, StationReport, StatusEvent
from app.models.tags import Authorisation, Tag, TagGroup, tag_sites, tag_stations
from app.models.tariffs import Tariff, TariffVersion
from app.models.tenants import Tenant

__all__ = [
    "ApiToken",
    "AuditEntry",
    "Authorisation",
    "Base",
    "Bill",
    "BillCounter",
    "BillLine",
    "ChargingSession",
    "Command",
    "Connection",
    "Connector",
    "Delivery",
    "Deviation",
    "Driver",
    "HandshakeAttempt",
    "Message",
    "MeterReading",
    "OneTimeLink",
    "OutgoingMail",
    "Receipt",
    "Review",
    "Site",
    "SiteOwned",
    "Station",
    "StationOwned",
    "StationReport",
    "StatusEvent",
    "StrayStop",
    "Tag",
    "TagGroup",
    "Tariff",
    "TariffVersion",
    "Tenant",
    "TenantOwned",
    "User",
    "WorkerNode",
    "tag_sites",
    "tag_stations",
    "user_sites",
]
