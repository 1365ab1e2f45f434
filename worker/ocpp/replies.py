"""The last answers given on a connection, for calls that come twice.

A message id alone proves neither that a call is a copy nor that it is new (FIELD R1): chargers
count from one again after a reboot or use one id for everything.  A copy is the same text, soon.
"""

from worker.ocpp.frames import Call, MessageId

#: How long an answer is kept, in seconds.
REPLAY_S = 300.0
#: How many answers are kept per connection.
REMEMBERED = 8


class Reply:
    """The answer to a call: `text` is None while the call is worked on.

    Of the call only a fingerprint is kept, for thousands of connections share the memory.
    """

    __slots__ = ("at", "fingerprint", "text")

    def __init__(self, call: Call, at: float) -> None:
        self.fingerprint = hash(call.text)
        self.at = at
        self.text: str | None = None


class Replies:
    """A bounded memory of calls and their answers.

    Calls named in `afresh` are answered anew each time that they come.
    """

    __slots__ = ("_afresh", "_replies")

    def __init__(self, afresh: frozenset[str]) -> None:
        self._afresh = afresh
        self._replies: dict[MessageId, Reply] = {}

    def meet(self, call: Call, now: float) -> Reply | None:
        """The reply to the same call received before; None when it is new, which is noted."""
        known = self._replies.pop(call.message_id, None)
        if (
            known is not None
            and known.fingerprint == hash(call.text)
            and now - known.at <= REPLAY_S
            and call.action not in self._afresh
        ):
            self._replies[call.message_id] = known
            return known
        self._replies[call.message_id] = Reply(call, now)
        if len(self._replies) > REMEMBERED:
            del self._replies[next(iter(self._replies))]
        return None

    def keep(self, call: Call, text: str) -> None:
        """Remember the answer to `call`, unless a newer call took its place."""
        known = self._replies.get(call.message_id)
        if known is not None and known.fingerprint == hash(call.text):
            known.text = text

    def forget(self, call: Call) -> None:
        """Count a repetition of `call` as new."""
        known = self._replies.get(call.message_id)
        if known is not None and known.fingerprint == hash(call.text):
            del self._replies[call.message_id]
