"""What a station is made of, told part by part (OCPP 2.0.1 blocks B07 and B08)."""

from collections.abc import Iterator

from app.domain.device import device_model
from app.domain.device.device_model import Told
from worker.dialects.context import Context, Payload
from worker.dialects.v201 import variables
from worker.ocpp.fields import Fields


def report(call: Fields, ctx: Context) -> Payload:
    """Take in one part of a report; its last part says that none follows (B07.FR.04)."""
    told = [one for item in call.list("reportData") for one in _attributes(item)]
    device_model.report_part(
        ctx.db,
        ctx.station,
        told,
        request_id=call.integer("requestId", 0),
        part=call.integer("seqNo", 0),
        last=not call.boolean("tbc", False),
        now=ctx.now,
    )
    return {}


def _attributes(item: Fields) -> Iterator[Told]:
    """Each attribute of one reported variable, with what the variable is like."""
    nature = item.child("variableCharacteristics")
    for attribute in item.list("variableAttribute"):
        access = attribute.text("mutability", "ReadWrite")
        yield Told(
            variables.read(item, attribute.text("type", "Actual")),
            _text(attribute.raw("value")),
            writable=access != "ReadOnly",
            readable=access != "WriteOnly",
            persistent=attribute.boolean("persistent", False),
            constant=attribute.boolean("constant", False),
            data_type=nature.text("dataType"),
            unit=nature.text("unit"),
            low=_text(nature.raw("minLimit")),
            high=_text(nature.raw("maxLimit")),
            choices=nature.text("valuesList"),
            monitorable=nature.boolean("supportsMonitoring"),
        )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
