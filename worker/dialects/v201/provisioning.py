"""Boot and heartbeat (OCPP 2.0.1 blocks B01 to B03 and G02)."""

from app.domain.vocabulary import BootReport
from worker.dialects import boots
from worker.dialects.context import Context, Payload
from worker.ocpp.fields import Fields

heartbeat = boots.heartbeat


def boot_notification(call: Fields, ctx: Context) -> Payload:
    """Take in who the station is; answer by its registration (B01.FR.01)."""
    return boots.answer(_report(call), ctx)


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
