"""Tables, one file per noun, on a plain declarative base; no Flask here."""

from app.models.alerts import Alert, AlertRule, alert_rule_sites
from app.models.base import AtStation, Base, SiteOwned, StationOwned, TenantOwned, leave_out_served
from app.models.bills import (
    Bill,
    BillCounter,
    BillLine,
    Delivery,
    DriverQuestion,
    Receipt,
    Review,
    Settlement,
)
from app.models.certificates import AuthorityCertificate, StationCertificate
from app.models.commands import Broadcast, BroadcastTarget, Command
from app.models.connections import Connection, HandshakeAttempt, WorkerNode
from app.models.device import (
    CustomerReport,
    DeviceEvent,
    DisplayMessage,
    FileJob,
    FirmwareFile,
    StationVariable,
    VariableMonitor,
)
from app.models.jobs import Job, ReportSchedule
from app.models.profiles import (
    ChargingProfile,
    CompositeSchedule,
    DerControl,
    EvNeeds,
    Setpoint,
    StationProfile,
)
from app.models.reservations import LocalList, Reservation
from app.models.sessions import (
    BatterySwap,
    ChargingSession,
    MeterReading,
    StrayStop,
    TransactionEvent,
    session_revisions,
)
from app.models.sites import Site, Tenant
from app.models.staff import (
    ApiToken,
    AuditEntry,
    IdempotencyKey,
    ListChoice,
    OneTimeLink,
    OutgoingMail,
    OwnRole,
    Passkey,
    RecoveryCode,
    SavedFilter,
    SentForm,
    SignIn,
    User,
    user_sites,
)
from app.models.stations import (
    Connector,
    Deviation,
    NotedFault,
    Station,
    StationReport,
    StatusEvent,
)
from app.models.system import AttentionSeen, Message, SchemaSupport, SupplyExcess, SystemMark
from app.models.tags import (
    Authorisation,
    Driver,
    DriverStatement,
    Forgetting,
    Tag,
    TagGroup,
    driver_sites,
    tag_group_sites,
    tag_sites,
    tag_stations,
)
from app.models.tariffs import StationTariff, Tariff, TariffVersion
from app.models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookMark

for _table in Base.metadata.tables.values():
    leave_out_served(_table)
