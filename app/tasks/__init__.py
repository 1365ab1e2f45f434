"""Celery tasks: ids in, one operation, out."""

from kombu.transport.redis import Channel

# Kombu closes a connection that Redis has ended twice, and the second time it knows no more where
# to give back what is in hand: Celery would end by that.  What is in hand is done all the same, and
# comes again when nobody says that it was (`visibility_timeout`).
Channel.do_restore = property(  # type: ignore[assignment]
    lambda channel: channel.connection.client is not None
)
