"""What lists of sessions are asked for, and why a session is closed by hand."""

from app.domain.ground.vocabulary import BillingState, SessionState
from app.schemas.base import Instant, RowId, Schema, Text, left_out, needed


class Transactions(Schema):
    """Which sessions of a station are listed."""

    id_tag: Text = left_out("In any case.", max_length=255)
    transaction_id: Text = left_out("The protocol’s, as text.", max_length=64)
    state: SessionState = left_out(
        "charging: it is open; no_show: an unused reservation, found by this alone."
    )
    billing: BillingState = left_out()
    evse: RowId = left_out()
    since: Instant = left_out("Started at this moment or later.")
    until: Instant = left_out("Started before this moment.")


class Sessions(Transactions):
    """Which sessions are listed."""

    station_id: RowId = left_out()
    site_id: RowId = left_out()
    driver_id: RowId = left_out()
    tag_id: RowId = left_out()


class Closing(Schema, example={"remark": "The charger was replaced."}):
    """Why a session is closed, or billed, that no stop will come for."""

    remark: Text = needed("Kept in the audit.", min_length=1, max_length=300)
