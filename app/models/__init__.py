"""Tables, one file per noun, on a plain declarative base; no Flask here."""

from app.models.api import IdempotencyKey
from app.models.base import Base, SiteOwned, StationOwned, TenantOwned, leave_out_served
from app.models.battery_swaps import BatterySwap
from app.models.bills import Bill, BillCounter, BillLine, Delivery, Receipt, Review
from app.models.broadcasts import Broadcast, BroadcastTarget
from app.models.certificates import AuthorityCertificate, StationCertificate
from app.models.commands import Command
from app.models.connections import Connection, HandshakeAttempt, WorkerNode
from app.models.der import DerControl
from app.models.device import DeviceEvent, DisplayMessage, StationVariable, VariableMonitor
from app.models.drivers import Driver, driver_sites
from app.models.ev_needs import EvNeeds
from app.models.files import CustomerReport, FileJob, FirmwareFile
from app.models.local_lists import LocalList
from app.models.messages import Message
from app.models.profiles import ChargingProfile, CompositeSchedule, Setpoint, StationProfile
from app.models.reservations import Reservation
from app.models.session_revisions import session_revisions
from app.models.sessions import ChargingSession, MeterReading, StrayStop
from app.models.settlements import Settlement
from app.models.sign_ins import SignIn
from app.models.sites import Site
from app.models.staff import ApiToken, AuditEntry, OneTimeLink, OutgoingMail, User, user_sites
from app.models.station_tariffs import StationTariff
from app.models.stations import Connector, Deviation, Station, StationReport, StatusEvent
from app.models.system import AttentionSeen, SupplyExcess, SystemMark
from app.models.tags import (
    Authorisation,
    Tag,
    TagGroup,
    tag_group_sites,
    tag_sites,
    tag_stations,
)
from app.models.tariffs import Tariff, TariffVersion
from app.models.tenants import Tenant
from app.models.transaction_events import TransactionEvent

__all__ = [
    "ApiToken",
    "AttentionSeen",
    "AuditEntry",
    "Authorisation",
    "AuthorityCertificate",
    "Base",
    "BatterySwap",
    "Bill",
    "BillCounter",
    "BillLine",
    "Broadcast",
    "BroadcastTarget",
    "ChargingProfile",
    "ChargingSession",
    "Command",
    "CompositeSchedule",
    "Connection",
    "Connector",
    "CustomerReport",
    "Delivery",
    "DerControl",
    "Deviation",
    "DeviceEvent",
    "DisplayMessage",
    "Driver",
    "EvNeeds",
    "FileJob",
    "FirmwareFile",
    "HandshakeAttempt",
    "IdempotencyKey",
    "LocalList",
    "Message",
    "MeterReading",
    "OneTimeLink",
    "OutgoingMail",
    "Receipt",
    "Reservation",
    "Review",
    "Settlement",
    "SignIn",
    "Site",
    "SiteOwned",
    "Station",
    "StationCertificate",
    "StationOwned",
    "Setpoint",
    "StationProfile",
    "StationReport",
    "StationTariff",
    "StationVariable",
    "StatusEvent",
    "StrayStop",
    "SupplyExcess",
    "SystemMark",
    "Tag",
    "TagGroup",
    "Tariff",
    "TariffVersion",
    "Tenant",
    "TenantOwned",
    "TransactionEvent",
    "User",
    "VariableMonitor",
    "WorkerNode",
    "driver_sites",
    "session_revisions",
    "tag_group_sites",
    "tag_sites",
    "tag_stations",
    "user_sites",
]


for _table in Base.metadata.tables.values():
    leave_out_served(_table)
