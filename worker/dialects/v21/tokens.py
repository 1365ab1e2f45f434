"""How a token is spelled (OCPP 2.1 IdTokenType): longer than in 2.0.1, and of more kinds."""

from worker.dialects.v201 import tokens as v201

KINDS: dict[str, str] = {
    **v201.KINDS,
    "direct_payment": "DirectPayment",
    "evccid": "EVCCID",
    "vin": "VIN",
}
LONGEST = 255
