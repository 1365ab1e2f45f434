"""What 2.1 adds around the device: streams, network profiles, texts, files, certificates."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domain.charging import reports
from app.domain.commands.orders.files import LOGS
from app.domain.device import device_events
from app.domain.device.device_events import Stream
from app.domain.ground.vocabulary import Arguments, Facts, Order, Outcome
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Long, Outside, Route, accepted, status, without_blanks
from worker.dialects.shared import read_hash_data
from worker.dialects.v201 import certificates as v201
from worker.dialects.v201 import device, files, monitoring, station
from worker.ocpp.fields import Fields, format_instant

#: A value later or earlier than its base by more than this (in seconds) has no usable time.
_FARTHEST_S = Decimal(10**7)


def stream_of(item: Fields) -> Stream:
    """A stream as a station describes it."""
    params = item.child("params")
    return Stream(
        number=item.integer("id", 0),
        monitor=item.integer("variableMonitoringId", 0),
        interval_s=params.integer("interval"),
        values=params.integer("values"),
    )


def open_stream(call: Fields, ctx: Context) -> Payload:
    """Let a station send the values of a monitor as a stream."""
    stream = stream_of(call.child("constantStreamData"))
    device_events.open_stream(ctx.db, ctx.station, stream, now=ctx.now)
    return {"status": "Accepted"}


def close_stream(call: Fields, ctx: Context) -> Payload:
    """Note that a stream has ended."""
    device_events.close_stream(ctx.db, ctx.station, call.integer("id", 0), now=ctx.now)
    return {}


def stream_event(call: Fields, ctx: Context) -> Payload:
    """Keep the values of a stream; each tells its time as seconds after a common one."""
    base, _ = ctx.instant(call, "basetime")
    values = []
    for item in call.list("data"):
        after = item.decimal("t", Decimal(0))
        after = after if abs(after) < _FARTHEST_S else Decimal(0)
        at = base + timedelta(seconds=float(after))
        values.append((at, str(item.raw("v") or "")))
    device_events.take_stream(ctx.db, ctx.station, call.integer("id", 0), values, now=ctx.now)
    return {}


# Monitors and event streams (OCPP 2.1): as in 2.0.1 but for what stands here.


def _monitor(one: Arguments) -> Payload:
    stream = {"interval": one.get("stream_interval_s"), "values": one.get("stream_values")}
    return without_blanks(
        {"periodicEventStream": without_blanks(stream), **monitoring.monitor(one)}
    )


def _adjust(arguments: Arguments) -> Payload:
    params = {"interval": arguments.get("interval_s"), "values": arguments.get("values")}
    return {"id": arguments["stream"], "params": without_blanks(params)}


def _streams(answer: Payload, arguments: Arguments) -> Outcome:
    streams = [stream_of(item) for item in Fields(answer).list("constantStreamData")]
    facts: Facts = {"streams": streams}
    return accepted(answer, f"{len(streams)} event streams.", facts)


# Settings and the device model (OCPP 2.1): as in 2.0.1 but for what stands here.

VERSIONS = {"1.6": "OCPP16", "2.0.1": "OCPP201", "2.1": "OCPP21"}


def _network(arguments: Arguments) -> Payload:
    """A network profile, which may bring the station's name and password along (2.1 B09)."""
    data = device.network(arguments, VERSIONS, "2.1")
    more = {"identity": arguments.get("identity"), "basicAuthPassword": arguments.get("password")}
    return {
        "configurationSlot": arguments["slot"],
        "connectionData": {**data, **without_blanks(more)},
    }


# Reset, unlock, availability, triggers (OCPP 2.1): as in 2.0.1 but for what stands here.

_RESETS = {**station.RESETS, "resume": "ImmediateAndResume"}
_TRIGGERS = {
    **station.TRIGGERS,
    "sign_v2g20_certificate": "SignV2G20Certificate",
    "custom": "CustomTrigger",
}


# Display messages (OCPP 2.1): as in 2.0.1 but for what stands here.

STATES = station.STATES | {"suspended", "discharging"}
FORMATS = station.FORMATS | {"qrcode"}


# Firmware and logs (OCPP 2.1): as in 2.0.1 but for longer addresses, one more log, more tags.

TOKEN_KINDS = {**files.TOKEN_KINDS, "vin": "VIN", "evcc_id": "EVCCID"}
_LONGEST_URL = 2000


# Certificates (OCPP 2.1 block M): the status of a whole chain.


def _ask(call: Fields, ctx: Context, services: Any) -> Any:
    return [
        services.certificate_status(read_hash_data(one.raw("certificateHashData")))
        for one in list(call.list("certificateStatusRequests"))[:4]
    ]


def _tell(call: Fields, ctx: Context) -> Payload:
    """Say of each certificate of a chain whether it is good (M06 of 2.1)."""
    words = ", ".join(status.word for status in ctx.found)
    reports.add(
        ctx.db, ctx.station, "certificate_status", words, dict(call.payload),
        at=ctx.now, now=ctx.now,
    )  # fmt: skip
    return _chain(call, [(one.word, one.next_update or ctx.now) for one in ctx.found])


def _chain(call: Fields, found: Iterable[tuple[str, datetime]]) -> Payload:
    return {
        "certificateStatus": [
            {
                "certificateHashData": one.raw("certificateHashData"),
                # A list of revoked certificates is never fetched: its address is the station's.
                "source": "OCSP",
                "status": word.capitalize(),
                "nextUpdate": format_instant(at),
            }
            for (word, at), one in zip(found, call.list("certificateStatusRequests"), strict=False)
        ]
    }


def _chain_away(call: Fields, ctx: Context) -> Payload:
    """What cannot be noted is not asked for."""
    return _chain(call, [("failed", ctx.now)] * 4)


def _tell_car(call: Fields, ctx: Context) -> Payload:
    """As in 2.0.1, and how many contracts are left for the car."""
    answer = v201.tell_car(call, ctx)
    if ctx.found.exi and ctx.found.remaining is not None:
        answer["remainingContracts"] = ctx.found.remaining
    return answer


chain_status = Outside(_ask, _tell)
ev_certificate = Outside(v201.ask_pool, _tell_car)


# Certificates and the password (OCPP 2.1): as in 2.0.1, with request ids and one more root.

ROOTS = {**v201.ROOTS, "oem_root": "OEMRootCertificate"}
LISTED = {**v201.LISTED, "oem_root": "OEMRootCertificate"}
OWN = {**v201.OWN, "v2g20": "V2G20Certificate"}


def _signed(arguments: Arguments) -> Payload:
    return without_blanks(
        {
            "certificateChain": arguments["chain"],
            "certificateType": OWN[arguments["use"]],
            "requestId": arguments.get("request_id"),
        }
    )


ROUTES: dict[str, Route] = {
    "ClosePeriodicEventStream": Route(close_stream, spooled=True),
    "NotifyPeriodicEventStream": Route(stream_event, Long("data", 100), spooled=True),
    "OpenPeriodicEventStream": Route(open_stream, without_storage=status("Accepted"), spooled=True),
    "Get15118EVCertificate": Route(ev_certificate, without_storage=v201.contract_away),
    "GetCertificateChainStatus": Route(chain_status, without_storage=_chain_away),
}


ORDERS: dict[Order, Encoding] = {
    Order.SET_MONITORS: Encoding(
        "SetVariableMonitoring",
        lambda given: {"setMonitoringData": [_monitor(one) for one in given["monitors"]]},
        decode=monitoring.answered,
    ),
    Order.READ_EVENT_STREAMS: Encoding("GetPeriodicEventStream", lambda given: {}, decode=_streams),
    Order.ADJUST_EVENT_STREAM: Encoding("AdjustPeriodicEventStream", _adjust),
    Order.SET_NETWORK_PROFILE: Encoding(
        "SetNetworkProfile", _network, sentences={"Failed": "The charger could not store it."}
    ),
    Order.RESET: station.reset_as(_RESETS),
    Order.TRIGGER: station.trigger_as(_TRIGGERS),
    Order.SHOW_MESSAGE: Encoding(
        "SetDisplayMessage",
        lambda given: station.shown(given, STATES, FORMATS, 1024),
        sentences=station.SENTENCES,
    ),
    Order.READ_MESSAGES: Encoding(
        "GetDisplayMessages",
        lambda given: station.read(given, STATES),
        frozenset({"Accepted", "Unknown"}),
        station.READ_SENTENCES,
    ),
    Order.UPDATE_FIRMWARE: files.update(_LONGEST_URL),
    Order.PUBLISH_FIRMWARE: files.publish(_LONGEST_URL),
    Order.FETCH_LOGS: files.logs(frozenset(LOGS), _LONGEST_URL),
    Order.READ_CUSTOMER_INFORMATION: files.customer(lambda kind: TOKEN_KINDS[kind]),
    **v201.of_roots(ROOTS, LISTED),
    Order.SEND_CERTIFICATE: Encoding(
        "CertificateSigned", _signed, sentences={"Rejected": "The charger refused the certificate."}
    ),
}
