"""TLS files while the worker runs: renewed ones are taken up, and their end is announced."""

import os
import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from app.config import Settings
from tests.support.ocpp_port import OcppPort
from tests.support.pki import Authority
from worker.tls import Renewal, server_context

NOW = datetime.now(UTC)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def settings(authority):
    pair = authority.server()
    return Settings(
        ocpp_tls_port=9443, ocpp_tls_cert=str(pair.cert_file), ocpp_tls_key=str(pair.key_file)
    )


def later(path):
    """Give a file a time that is surely another."""
    stat = os.stat(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000_000))


def served(port, authority):
    """The serial number of the certificate that new connections get."""
    context = ssl.create_default_context(cafile=str(authority.root.cert_file))
    address = ("localhost", port.server.tls_port)
    with socket.create_connection(address, timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            return int(secured.getpeercert()["serialNumber"], 16)


def test_a_renewed_certificate_is_served_without_a_restart(authority, settings):
    context = server_context(settings)
    renewal = Renewal(context, settings)
    with OcppPort(tls=context) as port:
        before = served(port, authority)
        assert "for chargers ends in" in "".join(renewal.look(NOW))
        renewed = authority.server()
        later(settings.ocpp_tls_cert)
        assert renewal.look(NOW)[0] == "New TLS files are in use."
        assert served(port, authority) == renewed.certificate.serial_number != before


def test_files_that_do_not_fit_are_not_taken_up_and_said_once(authority, settings, tmp_path):
    context = server_context(settings)
    renewal = Renewal(context, settings)
    renewal.look(NOW)
    with OcppPort(tls=context) as port:
        before = served(port, authority)
        other = authority.server(with_rsa=True)
        with open(settings.ocpp_tls_key, "wb") as key:
            key.write(other.key_file.read_bytes())
        later(settings.ocpp_tls_key)
        (sentence,) = renewal.look(NOW)
        assert "AMPDESK_OCPP_TLS_KEY" in sentence
        assert renewal.look(NOW) == []
        assert served(port, authority) == before


def test_cert_expiry_alarm(settings):
    renewal = Renewal(server_context(settings), settings)
    end = renewal.expires_at
    told = [
        (days, renewal.look(end - timedelta(days=days, hours=1)))
        for days in (90, 61, 60, 59, 31, 30, 20, 7, 6, 1, 0)
    ]
    assert [days for days, sentences in told if sentences] == [60, 30, 7, 1, 0]
    assert renewal.health() == {"tls_expires_at": end.isoformat()}
