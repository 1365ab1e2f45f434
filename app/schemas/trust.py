"""Roots and revocations as they are sent, and what the list of roots is asked for."""

from typing import Literal

from app.schemas.base import Flag, Schema, Text, left_out, needed

#: Roots that can be installed at stations; our own is made on the desk, with its key.
RootUse = Literal["csms_root", "v2g_root", "mo_root", "manufacturer_root", "oem_root"]


class NewAuthorityCertificate(Schema):
    """A root to be kept, as PEM."""

    name: Text = needed(min_length=1, max_length=120)
    use: RootUse = needed()
    pem: Text = needed(max_length=20_000)


class SignedCertificate(Schema):
    """What an authority made of a signing request."""

    certificate: Text = needed(
        "The station’s first, then those above it, as PEM.", min_length=1, max_length=20_000
    )


class Revocation(Schema, example={"reason": "The charger was stolen."}):
    """Why it is revoked."""

    reason: Text = needed(min_length=1, max_length=300)


class AuthorityCertificates(Schema):
    """Which roots are listed."""

    use: Text = left_out(max_length=40)
    archived: Flag = left_out()
