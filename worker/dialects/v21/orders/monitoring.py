"""Monitors and event streams (OCPP 2.1): as in 2.0.1 but for what stands here."""

from app.domain.ground.vocabulary import Order, Outcome
from worker.dialects.encoding import Arguments, Encoding, Facts, Payload, accepted, without_blanks
from worker.dialects.v21.monitoring import stream_of
from worker.dialects.v201.orders import monitoring as v201
from worker.ocpp.fields import Fields


def _monitor(one: Arguments) -> Payload:
    stream = {"interval": one.get("stream_interval_s"), "values": one.get("stream_values")}
    return without_blanks({"periodicEventStream": without_blanks(stream), **v201.monitor(one)})


def _set(arguments: Arguments) -> Payload:
    return {"setMonitoringData": [_monitor(one) for one in arguments["monitors"]]}


def _adjust(arguments: Arguments) -> Payload:
    params = {"interval": arguments.get("interval_s"), "values": arguments.get("values")}
    return {"id": arguments["stream"], "params": without_blanks(params)}


def _streams(answer: Payload, arguments: Arguments) -> Outcome:
    streams = [stream_of(item) for item in Fields(answer).list("constantStreamData")]
    facts: Facts = {"streams": streams}
    return accepted(answer, f"{len(streams)} event streams.", facts)


ORDERS: dict[Order, Encoding] = {
    **v201.ORDERS,
    Order.SET_MONITORS: Encoding("SetVariableMonitoring", _set, decode=v201.answered),
    Order.READ_EVENT_STREAMS: Encoding("GetPeriodicEventStream", lambda given: {}, decode=_streams),
    Order.ADJUST_EVENT_STREAM: Encoding("AdjustPeriodicEventStream", _adjust),
}
