"""What a worker counts can be read by Prometheus, and names nobody."""

import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bench import wire
from bench.load import boot
from tests.support.depot import furnish
from tests.support.processes import free_port, listens
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

TOKEN = "a-token-of-Prometheus"


@pytest.fixture
def site(make_site):
    port = free_port()
    given = {"metrics_port": port, "metrics_token": TOKEN}
    site = make_site("sqlite", processes=("worker",), **given)
    eventually(lambda: listens(port), what="the port of the figures")
    return site


def scrape(site, token=TOKEN):
    request = urllib.request.Request(
        f"http://127.0.0.1:{site.settings.metrics_port}/metrics",
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode()


def samples(text):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_message_is_counted_with_its_commit_and_its_handshake(site):
    depot = furnish(site, 1)
    [(identity, password)] = depot.stations
    charger = wire.connect(site.settings.ocpp_port, identity, password)
    wire.ask(charger, [2, "b", "BootNotification", boot()])
    text = scrape(site)
    found = samples(text)
    answered = [("action", "BootNotification"), ("outcome", "answered"), ("version", "1.6")]
    assert found[("ampdesk_messages_total", *answered)] == 1
    assert found[("ampdesk_message_seconds_count", ("action", "BootNotification"))] == 1
    assert found[("ampdesk_handshakes_total", ("outcome", "accepted"))] == 1
    assert found[("ampdesk_connections", ("version", "1.6"))] == 1
    assert found[("ampdesk_commit_seconds_count",)] >= 1
    assert found[("ampdesk_handshakes_in_line",)] == found[("ampdesk_clock_ahead_seconds",)] == 0
    assert found[("process_resident_memory_bytes",)] > 0
    assert identity not in text and depot.tag not in text
    charger.close()


def test_an_action_that_nobody_knows_makes_no_label(site):
    depot = furnish(site, 1)
    charger = wire.connect(site.settings.ocpp_port, *depot.stations[0])
    for number in range(20):
        charger.sendall(wire.encode([2, str(number), f"Made{number}", {}]))
    others = [("action", "other"), ("outcome", "refused"), ("version", "1.6")]
    eventually(lambda: samples(scrape(site)).get(("ampdesk_messages_total", *others)) == 20)
    assert "Made1" not in scrape(site)
    charger.close()


def test_who_does_not_show_the_token_reads_nothing(site):
    with pytest.raises(urllib.error.HTTPError) as refused:
        scrape(site, "another")
    assert refused.value.code == 401
