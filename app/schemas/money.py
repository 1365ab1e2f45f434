"""Tariffs, bills, decisions and receipts as they are sent, and what their lists are asked for."""

from typing import Annotated, Literal

from pydantic import WithJsonSchema

from app.domain.ground.vocabulary import BillKind, Json, ReceiptState, SecondFactorRule
from app.schemas.base import Exact, Flag, RowId, Schema, Text, Whole, changes, left_out, needed
from app.schemas.network import NewSite, Spanned

#: The longest session that a price example may imagine: a month, in minutes.
LONGEST_MIN = 31 * 24 * 60
Language = Literal["en", "de"]

_EXAMPLE: Json = {
    "currency": "EUR",
    "tax": {"mode": "inclusive", "percent": "19"},
    "components": [
        {"kind": "start", "price": "0.50"},
        {
            "kind": "energy",
            "price": "0.35",
            "name": "night rate",
            "when": {"from": "22:00", "until": "06:00"},
        },
        {"kind": "energy", "price": "0.49"},
        {"kind": "idle", "price": "0.10", "grace_minutes": 30},
        {"kind": "no_show", "price": "2.00"},
    ],
}


def _decimal(doc: str) -> Json:
    return {"type": ["string", "number", "null"], "description": doc}


def _whole(doc: str) -> Json:
    return {"type": ["integer", "null"], "minimum": 0, "description": doc}


def _text(doc: str) -> Json:
    return {"type": ["string", "null"], "description": doc}


def _table(doc: str, members: Json, needed: tuple[str, ...] = ()) -> Json:
    found: Json = {"type": "object", "description": doc, "properties": members}
    return {**found, "required": list(needed), "additionalProperties": False}


_WHEN = _table(
    "When the price holds, on the site's clock; left out: always. All that is said must hold.",
    {
        "from": _text("Time of day, like 22:00."),
        "until": _text("Time of day; earlier than `from`: over midnight."),
        "weekdays": {
            "type": ["array", "null"],
            "items": {"enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]},
            "description": "None: every day.",
        },
        "date_from": _text("First day, like 2026-12-24."),
        "date_to": _text("Last day."),
        "energy_from_kwh": _decimal("From this energy of the session on."),
        "energy_to_kwh": _decimal("Before this energy."),
        "duration_from_min": _whole("From this minute of the session on."),
        "duration_to_min": _whole("Before this minute."),
    },
)
_COMPONENT = _table(
    "One price: the first of its kind that holds counts.",
    {
        "kind": {
            "enum": [
                *("start", "energy", "charging_time", "connected_time", "idle"),
                *("no_show", "no_show_time"),
            ],
            "description": (
                "What it is charged for: once, per kWh, or per minute; `no_show` and `no_show_time`"
                " for an unused reservation, once and per minute that it was kept."
            ),
        },
        "price": _decimal("In the major unit of the currency."),
        "name": _text("Told on the receipt, like night rate."),
        "when": {**_WHEN, "type": ["object", "null"]},
        "tax_percent": _decimal("Its own tax rate; left out: the tariff's."),
        "grace_minutes": _whole("Idle minutes that cost nothing."),
        "step": {
            "type": ["integer", "null"],
            "minimum": 1,
            "description": "Wh or s; started ones count.",
        },
    },
    ("kind", "price"),
)
_TAX = _table(
    "How prices hold tax.",
    {
        "mode": {
            "enum": ["inclusive", "exclusive", None],
            "description": "Whether it is in the prices, or comes on top.",
        },
        "percent": _decimal("Tax rate."),
    },
)
_DEFINITION = _table(
    "The prices. Decimals are best written as text.",
    {
        "schema": {"const": 1, "description": "The version of this form."},
        "currency": _text("ISO 4217 code, like EUR; a tariff keeps it for ever."),
        "tax": {**_TAX, "type": ["object", "null"]},
        "minimum": _decimal("The least that a session with energy costs."),
        "maximum": _decimal("The most that a session costs."),
        "free_minutes": _whole("Minutes from the start that cost no time charge."),
        "components": {
            "type": ["array", "null"],
            "items": _COMPONENT,
            "maxItems": 60,
            "description": "The prices, in the order in which they are looked at.",
        },
    },
    ("currency",),
)
#: What a tariff says; `app.domain.money.tariffs` reads it and refuses what it does not know.
Definition = Annotated[Json, WithJsonSchema({**_DEFINITION, "examples": [_EXAMPLE]})]


class NewTariff(Schema, example={"name": "Public", "definition": _EXAMPLE, "default": True}):
    """A tariff to be written."""

    name: Text = needed("What people call it.", min_length=1, max_length=120)
    definition: Definition = needed()
    note: Text | None = left_out("Why, for the list of versions.", max_length=300)
    default: Flag = left_out("Whether it prices what has no nearer tariff.")


class NewTariffVersion(NewTariff):
    """A version of a tariff with its dates."""

    valid_from: Text | None = left_out(
        "When the new prices begin, on each site's clock, like 2027-01-01T00:00; at once.",
        max_length=16,
    )
    valid_until: Text | None = left_out(
        "When they end and what held before holds again; never.", max_length=16
    )


TariffChanges = changes(
    NewTariffVersion,
    "What is to be different. Other prices make a new version; running sessions keep theirs.",
    example={
        "definition": _EXAMPLE,
        "note": "Dearer electricity.",
        "valid_from": "2027-01-01T00:00",
    },
)


class TariffCopy(Schema, example={"name": "Public, from next year"}):
    """A tariff made of another one's prices."""

    name: Text = left_out("What people call it; the other's name and (copy).", max_length=120)


class Tariffs(Schema):
    """Which tariffs are listed."""

    currency: Text = left_out("ISO 4217 code, like EUR.", max_length=3)
    archived: Flag = left_out("True: those in the archive instead.")


class BenchAsked(Schema, example={"definition": _EXAMPLE, "month": "2026-10"}):
    """A draft of a tariff, and the sessions that it is tried on."""

    definition: Definition = needed()
    month: Text = left_out("On the sites' clocks, like 2026-10; the last one.", max_length=7)
    tariff_id: RowId = left_out("Only sessions that this tariff priced; all of the currency.")
    most: Whole = left_out(
        "Of more sessions, every second, third … one is priced; 500.", ge=1, le=5000
    )


class PriceExample(Schema):
    """The session that is imagined."""

    energy_wh: Whole = left_out("Its energy; 20 kWh if left out.", ge=0, le=10_000_000)
    charging_min: Whole = left_out("Minutes of charging; 60 if left out.", ge=0, le=LONGEST_MIN)
    idle_min: Whole = left_out("Idle minutes after that.", ge=0, le=LONGEST_MIN)
    starts: Text = left_out("On the clock of the zone, like 2026-01-31T22:00; now.", max_length=20)
    timezone: Text = left_out("IANA name of the site's zone; UTC if left out.", max_length=64)
    version: Whole = left_out("An older version of the tariff.", ge=1, le=1_000_000)


class OrganisationChanges(
    Schema,
    example={"seller_name": "Volt GmbH", "seller_address": "Hauptstr. 1, 10115 Berlin, Germany"},
):
    """What is to be different about who sells, and by which rules bills are made."""

    seller_name: Text | None = left_out(
        "Who sells, as receipts name it.", max_length=NewSite.longest("seller_name")
    )
    seller_address: Text | None = left_out(
        "In one line.", max_length=NewSite.longest("seller_address")
    )
    seller_tax_number: Text | None = left_out(
        "As it has to stand on a bill.", max_length=NewSite.longest("seller_tax_number")
    )
    seller_contact: Text | None = left_out(
        "An e-mail address, a web page or a number.", max_length=NewSite.longest("seller_contact")
    )
    least_energy_wh: Whole = left_out(
        "A session of fewer watt-hours that ends within the least time costs nothing.",
        ge=0,
        le=100_000,
    )
    least_duration_s: Whole = left_out("The least time, in seconds.", ge=0, le=86_400)
    late_below_minor: Whole = left_out(
        "A late change of less is noted and not charged, in minor units.", ge=0, le=1_000_000
    )
    idle_from_readings: Flag = left_out("Whether standing still by the meter is billed as idle.")
    second_factor: SecondFactorRule = left_out(
        "Who has to set up a second factor before anything else at the desk."
    )


class Bills(Spanned):
    """Which bills are listed."""

    number: Text = left_out("Its whole number.", max_length=40)
    kind: BillKind = left_out("A bill, the credit of one, or its correction.")
    session_id: RowId = left_out("Of one session: the bill and what replaced it.")
    site_id: RowId = left_out("Of sessions at this site.")
    driver_id: RowId = left_out("Issued to this driver.")
    receipt: ReceiptState = left_out("How the mail of its receipt stands.")


class Correction(Schema, example={"reason": "The meter was read wrongly.", "energy_wh": 9100.5}):
    """What a bill is replaced by; without an energy, by what the readings say now."""

    reason: Text = needed("The driver reads it.", min_length=1, max_length=300)
    energy_wh: Exact | None = left_out("The right energy.", ge=0, le=2_000_000)


class Refund(Schema, example={"reason": "The charger stopped by itself."}):
    """Why a bill is taken back whole."""

    reason: Text = needed("The driver reads it.", min_length=1, max_length=300)


class Resending(Schema, example={"email": "ada@example.org"}):
    """Where a receipt is sent again."""

    email: Text | None = left_out("Left out: to the driver's address of today.", max_length=254)


class LetterAsked(Schema):
    """How a receipt is written."""

    language: Language = left_out("Left out: the driver's.")


class Receipts(Schema):
    """Which receipts are listed."""

    state: ReceiptState = left_out("How its mail stands.")
    site_id: RowId = left_out("Of sessions at this site.")


class Questions(Schema):
    """Which questions of drivers are listed."""

    closed: Flag = left_out("True: those that are closed; false: those that wait.")
    site_id: RowId = left_out("About sessions at this site.")
    bill_id: RowId = left_out("About this bill.")


class QuestionAnswer(Schema, example={"text": "The night rate begins at 20:00."}):
    """What a driver is answered by mail."""

    text: Text = needed(
        "The driver’s name, the question and the receipt’s address are put around it.",
        min_length=1,
        max_length=2000,
    )


class Reviews(Schema):
    """Which reviews are listed."""

    decided: Flag = left_out("True: those that were decided; false: those that wait.")
    site_id: RowId = left_out("Of sessions at this site.")


class Decision(Schema, example={"note": "Goodwill."}):
    """Why a held session is decided so."""

    note: Text = needed("Kept with the decision.", min_length=1, max_length=300)


class Approval(Decision, example={"note": "It was our technician."}):
    """That a held session is billed as it was measured."""

    tariff_version_id: RowId = left_out("What prices it, where no tariff applied at its start.")


class CorrectedApproval(Approval, example={"note": "A digit too many.", "energy_wh": 9100.5}):
    """That a held session is billed with another energy."""

    energy_wh: Exact = needed("The energy that is billed.", ge=0, le=2_000_000)


class StrayStops(Schema):
    """Which stops that matched no session are listed."""

    outcome: Literal["unmatched", "matched", "duplicate", "dismissed"] = left_out(
        "What became of it; unmatched: it waits for a person."
    )
    station_id: RowId = left_out("At this station.")


class Assignment(Decision, example={"session_id": 42, "note": "Same card, same minute."}):
    """Which session a stop ended."""

    session_id: RowId = needed("A session of the same station.")
