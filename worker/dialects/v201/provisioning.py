"""Boot and heartbeat (OCPP 2.0.1 blocks B01 to B03 and G02)."""

from app.domain.ground.vocabulary import BootReport
from worker.dialects import boots
from worker.ocpp.fields import Fields


def _report(call: Fields) -> BootReport:
    station = call.child("chargingStation")
    modem = station.child("modem")
    return BootReport(
        vendor=station.text("vendorName"),
        model=station.text("model"),
        serial=station.text("serialNumber"),
        firmware=station.text("firmwareVersion"),
        iccid=modem.text("iccid"),
        imsi=modem.text("imsi"),
        raw=dict(call.payload),
    )


boot_notification = boots.boot(_report)
heartbeat = boots.heartbeat
