"""Celery tasks: ids in, one operation, out."""

from typing import Any

from kombu.transport.redis import Channel

_connparams = Channel._connparams


def _where(channel: Channel, asynchronous: bool = False) -> Any:
    """Where Redis is, for a channel of Kombu; raises ConnectionError where that is forgotten.

    A connection that was lost is closed twice, and tasks that were in hand are told as done by its
    channel later: Kombu then asks for what is None, and Celery would end by the AttributeError.  An
    error of the connection it knows how to take, and such a task comes again in its time.
    """
    if getattr(channel.connection, "client", None) is None:
        raise ConnectionError("the connection to Redis was lost meanwhile")
    return _connparams(channel, asynchronous)


Channel._connparams = _where  # type: ignore[method-assign]
