"""Every refusal has a kind, which the reference and docs/api.md explain."""

import importlib.util
import re
from http import HTTPStatus

from app.domain.ground.errors import DomainError
from app.web.problems import KINDS
from tests.api.client import document
from tests.house.source import ROOT, under

#: What is raised or answered under a name of its own.
SAID = re.compile(r"(?:Problem|problems\.answer|unfulfilled)\([^()]*(?:code=| )\"(\w+)\"[,)]")
PAGE = ROOT / "docs" / "problem_table.py"


def below(kind):
    for one in kind.__subclasses__():
        yield from (one, *below(one))


def test_whatever_an_operation_refuses_with_is_explained(app):
    known = {(kind.status, kind.code) for kind in KINDS}
    assert {(error.status, error.code) for error in below(DomainError)} <= known
    found = [SAID.findall(source.text) for source in under("app/")]
    said = {code for codes in found for code in codes}
    assert said <= {kind.code for kind in KINDS}


def test_every_refusal_of_the_document_is_one_of_them():
    told = document()["components"]["responses"]
    assert set(told) == {str(kind.status) for kind in KINDS}
    for item in document()["paths"].values():
        for operation in item.values():
            refusals = [status for status in operation["responses"] if int(status) >= 400]
            assert set(refusals) <= set(told)
            assert "429" in refusals
    assert "Retry-After" in told["429"]["headers"]
    assert all(HTTPStatus(int(status)).phrase in one["description"] for status, one in told.items())


def test_the_type_of_a_refusal_leads_to_what_can_be_done(app, api, made):
    told = api.get("/stations/999999", 404)
    page = app.test_client().get(told["type"].partition("#")[0]).text
    (kind,) = (one for one in KINDS if one.code == told["code"])
    row = page[page.index(f'id="{told["code"]}"') :]
    assert kind.meaning in row and kind.remedy in row


def test_the_committed_table_of_refusals_is_current():
    spec = importlib.util.spec_from_file_location("problem_table", PAGE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run `make docs`"
