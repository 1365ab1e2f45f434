"""Whom the desk believes about who asks."""

import pytest

from app.web.headers import TrustedProxyFix

CLIENT = "203.0.113.9"


def asker(peer, networks=("127.0.0.1/32", "192.0.2.0/24")):
    """The address that the desk sees when `peer` hands on a request for the client."""
    seen = []

    def desk(environ, start_response):
        seen.append(environ["REMOTE_ADDR"])
        return []

    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": CLIENT, "wsgi.url_scheme": "http"}
    TrustedProxyFix(desk, networks)(environ, None)
    return seen[0]


@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.7", "::ffff:127.0.0.1"])
def test_a_trusted_proxy_is_believed_also_at_a_listener_on_ipv6(peer):
    assert asker(peer) == CLIENT


@pytest.mark.parametrize("peer", ["198.51.100.1", "::ffff:198.51.100.1", "::1", "", "unix:"])
def test_nobody_else_is(peer):
    assert asker(peer) == peer
