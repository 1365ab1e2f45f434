"""Sites and stations as they are sent, and what their lists are asked for."""

from typing import Literal

from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Json, MessageOutcome, Registration, StationMode
from app.schemas.base import (
    Asked,
    Exact,
    Flag,
    Instant,
    Number,
    RowId,
    Schema,
    Text,
    Whole,
    changes,
    left_out,
    needed,
)
from app.schemas.quirks import QUIRKS

MOST_CONNECTORS = 100
PlugType = Literal[
    "Type 2", "Type 1", "CCS", "CHAdeMO", "NACS", "MCS", "Schuko", "GB/T AC", "GB/T DC"
]
Direction = Literal["in", "out"]


_SITE_NAME = Asked(N_("Name"), missing=N_("Give the site a name."))
_ZONE = Asked(
    N_("Time zone"),
    N_("Tariffs follow the local time of the site."),
    N_("Name the time zone, like Europe/Berlin."),
    {"list": "zones", "placeholder": "Europe/Berlin", "autocomplete": "off"},
)
_CURRENCY = Asked(
    N_("Currency"),
    N_("What drivers pay in here, as in ISO 4217."),
    N_("Name the currency, like EUR."),
    {"placeholder": "EUR", "autocapitalize": "characters"},
)


class NewSite(Schema, example={"name": "Depot", "timezone": "Europe/Berlin", "currency": "EUR"}):
    """A site to be added."""

    name: Text = needed("", _SITE_NAME, min_length=1, max_length=120)
    timezone: Text = needed("IANA name, like Europe/Berlin.", _ZONE, max_length=64)
    currency: Text = needed("ISO 4217 code, like EUR.", _CURRENCY, max_length=3)
    address: Text | None = left_out("", Asked(N_("Address")), max_length=300)
    latitude: Number | None = left_out("", Asked(N_("Latitude")))
    longitude: Number | None = left_out("", Asked(N_("Longitude")))
    supply_limit_kw: Exact | None = left_out(
        "Power of the grid connection.",
        Asked(N_("Supply limit (kW)"), N_("Power of the grid connection.")),
    )
    tariff_id: RowId | None = left_out()
    seller_name: Text | None = left_out(
        "On receipts instead of the organisation's.", Asked(N_("Seller"), ""), max_length=120
    )
    seller_address: Text | None = left_out("", Asked(N_("Address of the seller")), max_length=300)
    seller_tax_number: Text | None = left_out("", Asked(N_("Tax number")), max_length=40)
    seller_contact: Text | None = left_out("", Asked(N_("Contact")), max_length=254)


SiteChanges = changes(NewSite, example={"tariff_id": 2, "supply_limit_kw": 150})


class Sites(Schema):
    """Which sites are listed."""

    name: Text = left_out("In any case.", max_length=120)
    archived: Flag = left_out()


class NewCredentials(Schema):
    """Empty: a password is made."""

    password: Text | None = left_out("8 to 64 characters.", max_length=64)


_IDENTITY = Asked(
    N_("Identity"),
    N_("What the charger calls itself in its URL, such as CP-7; upper or lower case."),
    N_("Type the charger's identity."),
    {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"},
)
_STATION_NAME = Asked(N_("Name"), N_("What people call it, such as “Row A left”."))
_ALIAS = Asked(
    N_("User name it sends"),
    N_("Only for chargers that do not send their identity."),
    look={"autocomplete": "off"},
)


class NewStation(NewCredentials, example={"identity": "CP-7", "site_id": 1, "connectors": 2}):
    """A station to be registered. Without a password one is made."""

    identity: Text = needed("", _IDENTITY, min_length=1, max_length=48)
    site_id: RowId = needed()
    name: Text = left_out("What people call it.", _STATION_NAME, max_length=120)
    note: Text | None = left_out("", Asked(N_("Note"), look={"rows": 2}), max_length=500)
    security_profile: Whole = left_out("0, 1, 2 or 3.", ge=0, le=3)
    registration: Registration = left_out("How its next boot is answered; blocked: it is refused.")
    mode: StationMode = left_out("Who may charge: nobody, listed tags, or everybody.")
    validation: Literal["strict", "tolerant"] | None = left_out("Null: as the installation.")
    username_alias: Text | None = left_out(
        "User name that it sends instead of its identity.", _ALIAS, max_length=64
    )
    quirks: Json = left_out("What its firmware needs: " + ", ".join(QUIRKS) + ".")
    onboarding: Json = left_out(
        "What it is sent after a boot: read, ask_boot, local_list (true or left out), triggers "
        "(a list), settings (key: value). Empty: nothing."
    )
    tariff_id: RowId | None = left_out("Null: as the site.")
    max_power_w: Number | None = left_out()
    connectors: Whole = left_out("Number of plugs.", ge=0, le=MOST_CONNECTORS)
    plug_type: PlugType | None = left_out()


StationChanges = changes(
    NewStation,
    "What is to be different; the rest stays. `quirks` replaces all of them.",
    without=("password",),
    example={"registration": "pending"},
)


class Stations(Schema):
    """Which stations are listed."""

    identity: Text = left_out("In any case.", max_length=64)
    site_id: RowId = left_out()
    registration: Registration = left_out()
    mode: StationMode = left_out()
    protocol: Text = left_out("As ocpp1.6.", max_length=20)
    connected: Flag = left_out()
    archived: Flag = left_out("True: those in the archive instead.")


class Spanned(Schema):
    """What lies between two moments."""

    since: Instant = left_out("From this moment on.")
    until: Instant = left_out("Before this moment.")


class Messages(Spanned):
    """Which messages of the log are listed."""

    action: Text = left_out("As BootNotification.", max_length=60)
    direction: Direction = left_out()
    outcome: MessageOutcome = left_out()
    message_id: Text = left_out(max_length=255)
    session_id: RowId = left_out()


class Connections(Schema):
    """Which connections are listed."""

    open: Flag = left_out()


class Handshakes(Schema):
    """Which attempts to connect are listed."""

    accepted: Flag = left_out()


class Statuses(Spanned):
    """Which changes of status are listed."""

    evse: RowId = left_out()


class Reports(Spanned):
    """Which reports of a station are listed."""

    kind: Text = left_out("As security, firmware, log.", max_length=40)


class TransactionEvents(Schema):
    """Which TransactionEvents are listed."""

    transaction_ref: Text = left_out(max_length=64)
    session_id: RowId = left_out()


class SupportBundle(Schema):
    """What a support bundle of a station holds."""

    days: Whole = left_out("So many days back; left out: 7.", ge=1, le=31)
    tags: Flag = left_out("True: the numbers of tags stay in it; for admins.")


class SessionBundle(Schema):
    """What a support bundle of a session holds."""

    tags: Flag = left_out("True: the numbers of tags stay in it; for admins.")


class Faults(Schema):
    """Which noted faults are listed."""

    open: Flag = left_out("True: those that are open; false: those that are done.")


class NewFault(Schema, example={"text": "The display is cracked."}):
    """Something that is wrong with a station."""

    text: Text = needed("What is wrong.", min_length=1, max_length=500)


class FaultDone(Schema, example={"note": "Display replaced."}):
    """That a fault is done."""

    note: Text = left_out("What was done.", max_length=300)
