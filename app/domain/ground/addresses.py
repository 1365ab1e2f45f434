"""Addresses of the network, as people are counted by them.

A listener on IPv6 sees callers of IPv4 as `::ffff:192.0.2.7`: they are taken for what they are, or
all of them would be one and the same household.
"""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def read(text: str | None) -> Address | None:
    """The address that a text is; None for what is none."""
    try:
        found = ipaddress.ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def household(text: str | None) -> str:
    """Whose address it is: of IPv6, the network of 64 bits that one household has."""
    found = read(text)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return text or "" if found is None else str(found)
