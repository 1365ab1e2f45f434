"""VAT numbers: their form, their check digit, and a register that knows them."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from app.config import Settings
from app.domain.money import settlements
from worker.providers import Providers, VatRecord

RIGHT = {
    "DE136695976": ("DE", "136695976"),
    "AT U13585627": ("AT", "U13585627"),
    "NL4495445B01": ("NL", "4495445B01"),
    "EL 094259216": ("EL", "094259216"),
    "CHE-107.787.577 IVA": ("CH", "E107787577IVA"),
    "gb980780684": ("GB", "980780684"),
}
WRONG = ("", "DE", "DE136695978", "136695976", "QQ1", "US123", "../etc", "DE" + "1" * 40)


@pytest.mark.parametrize("text", RIGHT)
def test_a_number_is_read_by_the_rules_of_its_country(text):
    found = settlements.read_vat_number(text)
    assert found is not None
    assert (found.prefix, found.number) == RIGHT[text]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_number_of_its_country_is_none(text):
    assert settlements.read_vat_number(text) is None


@pytest.fixture
def register(tmp_path):
    """A register that answers what it is told to; returns how to ask it, and what it was asked."""
    answers, asked = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers[0])

        def log_message(self, *_):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/check"
    services = Providers(Settings(data_dir=tmp_path, vat_url=url))

    def ask(answer):
        answers[:] = [answer if isinstance(answer, bytes) else json.dumps(answer).encode()]
        return services.vat_record("DE", "136695976")

    yield ask, asked
    server.shutdown()
    server.server_close()


def test_the_register_is_asked_as_vies_is(register):
    ask, asked = register
    about = {"name": "Acme GmbH", "address": "Hof 1\n89073 Ulm\n"}
    company = {"name": "Acme GmbH", "address1": "Hof 1", "city": "89073 Ulm", "country": "DE"}
    assert ask({"valid": True, **about}) == VatRecord(True, company)
    assert asked == [{"countryCode": "DE", "vatNumber": "136695976"}]
    assert ask({"valid": True, "name": "---", "address": "---"}) == VatRecord(True)
    assert ask({"valid": False, **about}) == VatRecord(False)


@pytest.mark.parametrize("answer", [b"", b"[1]", b"no", {"valid": "yes"}, {"error": 1}])
def test_a_register_that_does_not_say_is_no_denial(register, answer):
    assert register[0](answer) == VatRecord()


def test_without_a_register_nothing_is_asked(tmp_path):
    assert Providers(Settings(data_dir=tmp_path)).vat_record("DE", "1") == VatRecord()
