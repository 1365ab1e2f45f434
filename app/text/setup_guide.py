"""What to type into a charger, in the words of the version of OCPP that it speaks."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.models import Station


@dataclass(frozen=True, slots=True)
class Guide:
    """The names of one version for what stands on the Setup tab.

    `adds_identity`: the charger itself adds its identity to the URL it is given.
    """

    label: str
    subprotocol: str
    url: str
    identity: str
    password: str
    adds_identity: bool
    more: tuple[tuple[str, str], ...]


_PROFILE_2X = (
    ("ocppTransport", "JSON"),
    ("ocppInterface", "how it is wired, such as Wired0 or Wireless0"),
    ("messageTimeout", "30"),
    ("NetworkConfigurationPriority", "the number of the slot that was filled in"),
)

GUIDES: Mapping[str, Guide] = {
    "1.6": Guide(
        *("OCPP 1.6J", "ocpp1.6"),
        url="Central system, backend or OCPP server URL",
        identity="ChargePointId, ChargeBoxId or charger identity",
        password="AuthorizationKey",
        adds_identity=False,
        more=(),
    ),
    "2.0.1": Guide(
        *("OCPP 2.0.1", "ocpp2.0.1"),
        url="ocppCsmsUrl of a NetworkConnectionProfile",
        identity="Identity of SecurityCtrlr",
        password="BasicAuthPassword of SecurityCtrlr",
        adds_identity=True,
        more=(("ocppVersion", "OCPP20"), *_PROFILE_2X),
    ),
    "2.1": Guide(
        *("OCPP 2.1", "ocpp2.1"),
        url="ocppCsmsUrl of a NetworkConnectionProfile",
        identity="identity in that profile, or Identity of SecurityCtrlr",
        password="basicAuthPassword in that profile, or of SecurityCtrlr",
        adds_identity=True,
        more=(("ocppVersion", "OCPP21"), *_PROFILE_2X),
    ),
}


def version_of(station: Station, wished: str) -> str:
    """The version to show: the one asked for, pinned, last spoken, or the most common one."""
    spoken = (station.protocol or "").removeprefix("ocpp")
    pinned = station.quirks.get("pin_version")
    return next(word for word in (wished, pinned, spoken, "1.6") if word in GUIDES)
