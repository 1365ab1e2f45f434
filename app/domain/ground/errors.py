"""What an operation may refuse, and whose fault it is.

Each edge translates these once: a form message or an HTTP status in the desk,
a sentence and an exit status in the command line, a CALLERROR in the worker.
"""


class DomainError(Exception):
    """The base: `str(error)` is one plain sentence; `code` is its stable machine name."""

    code = "error"
    status = 400

    def __init__(self, sentence: str, *, field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field


class Invalid(DomainError):
    """A value that cannot be used; `field` names it."""

    code = "invalid"
    status = 422


class NotFound(DomainError):
    """Something that does not exist, or that the asker may not see."""

    code = "not_found"
    status = 404


class Taken(DomainError):
    """A name that must be unique is in use."""

    code = "taken"
    status = 409


class Conflict(DomainError):
    """The thing is in a state that does not allow the operation."""

    code = "conflict"
    status = 409


class Forbidden(DomainError):
    """The asker's role or scope does not reach this far."""

    code = "forbidden"
    status = 403


class Busy(DomainError):
    """Too much of this is under way at once; the same again in a moment may do."""

    code = "unavailable"
    status = 503


class NotConnected(DomainError):
    """The station holds no connection now, so that nothing can be sent to it."""

    code = "not_connected"
    status = 404
