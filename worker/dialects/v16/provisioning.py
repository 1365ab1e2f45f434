"""Boot and heartbeat (OCPP 1.6 sections 4.2 and 4.6)."""

from app.domain.ground.vocabulary import BootReport
from worker.dialects import boots
from worker.ocpp.fields import Fields


def _report(call: Fields) -> BootReport:
    return BootReport(
        vendor=call.text("chargePointVendor"),
        model=call.text("chargePointModel"),
        serial=call.text("chargePointSerialNumber") or call.text("chargeBoxSerialNumber"),
        firmware=call.text("firmwareVersion"),
        iccid=call.text("iccid"),
        imsi=call.text("imsi"),
        meter_type=call.text("meterType"),
        meter_serial=call.text("meterSerialNumber"),
        raw=dict(call.payload),
    )


boot_notification = boots.boot(_report)
heartbeat = boots.heartbeat
