"""The versions of OCPP-J and the names under which a WebSocket offers them."""

from enum import StrEnum


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
