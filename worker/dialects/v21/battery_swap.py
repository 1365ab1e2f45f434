"""Battery swaps (OCPP 2.1 block S)."""

from typing import Any

from app.domain.charging import battery_swaps
from app.domain.ground.vocabulary import Token
from worker.dialects.context import Context, Payload
from worker.dialects.rates import filled, read_moment, read_rate
from worker.dialects.v201.authorisation import read_token
from worker.ocpp.fields import Fields

_STEPS = {"BatteryIn": "in", "BatteryOut": "out", "BatteryOutTimeout": "out_timed_out"}


def battery_swap(call: Fields, ctx: Context) -> Payload:
    """Pass on one step of a swap: who, and which batteries."""
    battery_swaps.take_in(
        *(ctx.db, ctx.station),
        request_number=call.integer("requestId", 0),
        step=_STEPS.get(call.text("eventType", ""), "in"),
        token=read_token(call.child("idToken")) or Token(""),
        batteries=[_battery(item) for item in call.list("batteryData")],
        now=ctx.now,
    )
    return {}


def _battery(item: Fields) -> dict[str, Any]:
    return filled(
        {
            "slot": item.integer("evseId"),
            "serial": item.text("serialNumber"),
            "charge_percent": read_rate(item, "soC"),
            "health_percent": read_rate(item, "soH"),
            "made_at": read_moment(item, "productionDate"),
            "vendor_info": item.text("vendorInfo"),
        }
    )
