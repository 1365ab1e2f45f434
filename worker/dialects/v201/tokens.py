"""How a token is spelled (OCPP 2.0.1 IdTokenType)."""

from worker.dialects.encoding import Payload, Unfit

#: The kinds of tokens by the domain's word; a card whose kind nobody said is a plain RFID card.
KINDS: dict[str, str] = {
    "id_tag": "ISO14443",
    "central": "Central",
    "emaid": "eMAID",
    "iso14443": "ISO14443",
    "iso15693": "ISO15693",
    "key_code": "KeyCode",
    "local": "Local",
    "mac_address": "MacAddress",
}
LONGEST = 36


def id_token(
    value: str, kind: str, kinds: dict[str, str] = KINDS, longest: int = LONGEST
) -> Payload:
    """Spell a token; raises `Unfit` for one that the version cannot carry."""
    if len(value) > longest:
        raise Unfit(f"The tag {value[:40]} is longer than the {longest} characters that fit.")
    if kind not in kinds:
        raise Unfit(f"This version of OCPP knows no token of the kind {kind.replace('_', ' ')}.")
    return {"idToken": value, "type": kinds[kind]}


def group_id_token(parent: str) -> Payload:
    """Spell the token of a group, which only we know."""
    return {"idToken": parent, "type": "Central"}
