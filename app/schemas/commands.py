"""Orders to one station and to many as they are sent, and what their lists are asked for."""

from app.domain.ground.vocabulary import BroadcastState, CommandState, Json, Order
from app.schemas.base import Flag, RowId, RowIds, Schema, Text, Whole, left_out

#: The longest that a request may wait for a station, in seconds.
LONGEST_WAIT_S = 120


class WhichOrder(Schema):
    """A typed order, or a raw one."""

    order: Order = left_out()
    arguments: Json = left_out("By name; see /orders/kinds.")
    action: Text = left_out("As TriggerMessage.", min_length=1, max_length=60)
    payload: Json = left_out("Of a raw order: what is sent, as it stands.")
    check: Flag = left_out("Of a raw one; true unless said otherwise.")
    expires_in_s: Whole = left_out("It is sent within so many seconds.", ge=1, le=3600)


class NewOrder(WhichOrder, example={"order": "unlock", "arguments": {"connector": 1}}):
    """A typed order (`order`, `arguments`) or a raw one (`action`, `payload`), which is sent with
    exactly the members given. `check` false sends a raw one that its version’s schema forbids."""

    force: Flag = left_out("Also where it ends running sessions, else a 409 (ends_sessions).")


class Wait(Schema):
    """Whether the answer waits for the result."""

    wait: Whole = left_out(
        "Answer with the result, within so many seconds.", ge=1, le=LONGEST_WAIT_S
    )


class Unlocking(Schema):
    """How a connector is unlocked."""

    force: Flag = left_out("Also while a session is running there, else a 409.")


class Orders(Schema):
    """Which orders are listed."""

    state: CommandState = left_out()
    order: Order = left_out()


class Chosen(Schema):
    """The stations that a broadcast goes to."""

    station_ids: RowIds = left_out("Only these.")
    site_id: RowId = left_out()
    protocol: Text = left_out("As ocpp1.6.", max_length=20)
    vendor: Text = left_out(max_length=120)
    model: Text = left_out(max_length=120)
    firmware: Text = left_out(max_length=120)
    connected: Flag = left_out("Only those that are (or are not) connected now.")


class NewBroadcast(
    Chosen, WhichOrder, example={"order": "clear_cache", "site_id": 1, "at_once": 5}
):
    """An order as for one station, and the filter that finds the stations; without any filter it
    goes to all of them. When more than `stop_percent` failed, the rest is not sent."""

    at_once: Whole = left_out("So many are under way at once (10).", ge=1, le=500)
    stop_percent: Whole | None = left_out(ge=0, le=100)


class Broadcasts(Schema):
    """Which broadcasts are listed."""

    state: BroadcastState = left_out()


class Targets(Schema):
    """Which stations of a broadcast are listed."""

    state: Text = left_out(max_length=20)
