"""Whoever sends what the document shows as an example is not refused for what was sent."""

import io
import re

from app.api.ground._endpoint import ROOT
from tests.api.client import Api, document

#: Numbers in an example are those of somebody's rows.
THEIR_OWN = re.compile(r"There is no such \w+.")


def shown():
    """Every body that the document shows: method, path, type, and the example."""
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            for mimetype, content in operation.get("requestBody", {}).get("content", {}).items():
                name = content["schema"]["$ref"].rpartition("/")[2]
                for example in document()["components"]["schemas"][name]["examples"]:
                    yield method, re.sub(r"{\w+}", "1", path), mimetype, example


def test_what_the_document_shows_can_be_sent(app, secret_of):
    object.__setattr__(app.config["SETTINGS"], "api_rate", "")
    api, refused = Api(app, secret_of("admin")), []
    for method, path, mimetype, example in shown():
        if mimetype == "application/json":
            given = {"json": example}
        else:
            file = {"file": (io.BytesIO(b"firmware"), "firmware.bin")}
            given = {"data": {**example, **file}, "content_type": mimetype}
        answer = app.test_client().open(
            ROOT + path, method=method, headers={"Authorization": f"Bearer {api.secret}"}, **given
        )
        fine = answer.status_code in (200, 201, 202, 404, 409)
        if not fine and not THEIR_OWN.fullmatch(answer.json["detail"]):
            refused.append((method, path, answer.json["detail"]))
    assert not refused
