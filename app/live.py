"""Live pages: server-sent events from Redis to the browser.

A page opens one stream at `/live`; each event names a topic that changed
(`station:12`, `sessions`, …) and the page re-reads the fragments that show it.
Without Redis the stream says so (`degraded`) and pages fall back on polling.
A `beat` every few seconds says when a worker last answered.
"""

import json
import logging
import time
from collections.abc import Iterator

import redis
from flask import Flask, Response, current_app, stream_with_context
from flask_login import current_user

from app import system
from app.reactions import LIVE
from app.security import needs

log = logging.getLogger(__name__)

#: A beat is sent this often: it tells the page that the stream is open, and when a worker last
#: answered.  A page that hears nothing for four of them is not live.
BEAT_S = 5.0


def register(app: Flask) -> None:
    """Add the stream's route."""
    app.add_url_rule("/live", "live", needs("viewer")(stream))


def stream() -> Response:
    """Answer with the endless stream of the tenant's changed topics."""
    client: redis.Redis = current_app.extensions["redis"]  # type: ignore[type-arg]
    channel = LIVE.format(tenant_id=current_user.tenant_id)
    body = stream_with_context(_events(client, channel))
    return Response(
        body,
        mimetype="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _events(client: "redis.Redis[bytes]", channel: str) -> Iterator[str]:
    from app.extensions import db

    db.session.remove()  # a stream lives for hours and must not hold a connection
    yield "retry: 3000\n\n"
    while True:
        try:
            yield from _listen(client, channel)
        except redis.RedisError:
            yield "event: degraded\ndata: {}\n\n" + _beat()
            time.sleep(3)


def _listen(client: "redis.Redis[bytes]", channel: str) -> Iterator[str]:
    with client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(channel)
        yield "event: live\ndata: {}\n\n" + _beat()
        due = time.monotonic() + BEAT_S
        while True:
            message = listener.get_message(timeout=max(0.0, due - time.monotonic()))
            if time.monotonic() >= due:
                yield _beat()
                due = time.monotonic() + BEAT_S
            if message is None:
                continue
            for topic in json.loads(message["data"])["topics"]:
                yield f"event: topic\ndata: {json.dumps(topic)}\n\n"


def _beat() -> str:
    return f"event: beat\ndata: {system.beat()}\n\n"
