"""The versions of OCPP-J: the names they are offered under, and how each spells what is wrong.

OCPP 1.6 ships two misspelt codes that its errata keep on purpose (OCPP-J 1.6 errata 5.1, 5.2);
2.0.1 corrected them.  We write each version's own spelling and read all of them.
"""

from enum import Enum, StrEnum


class Version(StrEnum):
    """A protocol version; its value is how the specification writes it."""

    V16 = "1.6"
    V201 = "2.0.1"
    V21 = "2.1"

    @property
    def subprotocol(self) -> str:
        """The registered WebSocket subprotocol, as we would offer it."""
        return f"ocpp{self.value}"


#: Every spelling of a subprotocol that is understood, casefolded, with the version it means.
SUBPROTOCOLS: dict[str, Version] = {
    "ocpp1.6": Version.V16,
    "ocpp1.6j": Version.V16,
    "ocpp2.0.1": Version.V201,
    "ocpp2.1": Version.V21,
}


#: Longest error description that may go on the wire (OCPP-J section 4.2.3).
DESCRIPTION_LIMIT = 255


class Fault(Enum):
    """A reason to answer a call with an error, without regard to a version's spelling."""

    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    INTERNAL = "InternalError"
    PROTOCOL = "ProtocolError"
    SECURITY = "SecurityError"
    FORMAT = "FormatViolation"
    PROPERTY = "PropertyConstraintViolation"
    OCCURRENCE = "OccurrenceConstraintViolation"
    TYPE = "TypeConstraintViolation"
    GENERIC = "GenericError"
    FRAMEWORK = "RpcFrameworkError"
    MESSAGE_TYPE = "MessageTypeNotSupported"

    def spelled(self, version: Version) -> str:
        """The error code that goes on the wire of `version`."""
        if version is Version.V16:
            return _SPELLED_16.get(self, self.value)
        return self.value


_SPELLED_16: dict[Fault, str] = {
    Fault.FORMAT: "FormationViolation",
    Fault.OCCURRENCE: "OccurenceConstraintViolation",
    # 1.6 knows neither of these two; a frame that breaks them is not formed as it should be.
    Fault.FRAMEWORK: "FormationViolation",
    Fault.MESSAGE_TYPE: "NotSupported",
}

_BY_CODE: dict[str, Fault] = {fault.value.casefold(): fault for fault in Fault} | {
    "formationviolation": Fault.FORMAT,
    "occurenceconstraintviolation": Fault.OCCURRENCE,
}


def fault_named(code: object) -> Fault:
    """The fault a peer means by `code`, in whatever spelling; `GENERIC` when it is not known."""
    if not isinstance(code, str):
        return Fault.GENERIC
    return _BY_CODE.get(code.strip().casefold(), Fault.GENERIC)


class CallFault(Exception):
    """Raised while a call is handled, to have it answered with an error.

    `description` is for a person and goes to the peer: it says what is wrong with the call and
    never anything about our insides.  It is cut to 255 characters.
    """

    def __init__(self, fault: Fault, description: str = "") -> None:
        self.fault = fault
        self.description = description[:DESCRIPTION_LIMIT]
        super().__init__(f"{fault.value}: {self.description}")
