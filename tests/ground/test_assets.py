"""Static files: kept long where the address changes with the contents, and sent compressed."""

import gzip
import re
import shutil

import pytest

from app.web import assets


@pytest.fixture
def client(app):
    return app.test_client()


def addresses(client):
    page = client.get("/sign-in").text
    return re.findall(r'(?:href|src)="(/static/[^"#]+)', page)


def test_every_file_that_a_page_names_is_there_and_may_be_kept(client):
    found = addresses(client)
    assert len(found) >= 3
    for address in found:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["Cache-Control"]


def test_an_address_without_a_mark_is_asked_for_again(client):
    assert "immutable" not in client.get("/static/css/ampdesk.css").headers["Cache-Control"]


def test_stylesheets_are_compressed_for_whom_understands_it(client):
    address = "/static/vendor/tabler-core@1.6.1/tabler.min.css"
    plain = client.get(address)
    packed = client.get(address, headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) * 5 < len(plain.data)
    assert "Accept-Encoding" in packed.headers["Vary"]


def test_what_has_not_changed_is_not_sent_again(client):
    address = "/static/css/ampdesk.css"
    headers = {"Accept-Encoding": "gzip"}
    mark = client.get(address, headers=headers).headers["ETag"]
    again = client.get(address, headers={**headers, "If-None-Match": mark})
    assert again.status_code == 304
    assert again.data == b""


def test_fonts_are_left_alone(client):
    answer = client.get("/static/vendor/inter@5.3.0/inter-latin.woff2",
                        headers={"Accept-Encoding": "gzip"})  # fmt: skip
    assert "Content-Encoding" not in answer.headers
    assert answer.data[:4] == b"wOF2"


def test_static_answers_are_protected_as_pages_are(client):
    for base in ("http://localhost", "https://localhost"):
        page = client.get("/sign-in", base_url=base).headers
        file = client.get("/static/css/ampdesk.css", base_url=base).headers
        for name in ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy",
                     "Permissions-Policy", "Strict-Transport-Security"):  # fmt: skip
            assert file.get(name) == page.get(name)
        assert "default-src 'self'; script-src 'self';" in file["Content-Security-Policy"]


def test_an_edited_file_gets_another_address(client, tmp_path, monkeypatch):
    folder = tmp_path / "static"
    shutil.copytree(assets.FOLDER, folder)
    monkeypatch.setattr(assets, "FOLDER", folder)
    before = set(addresses(client))
    (folder / "css" / "ampdesk.css").write_text("body { color: red }")
    (changed,) = set(addresses(client)) - before
    assert client.get(changed).text == "body { color: red }"
    monkeypatch.undo()
    assert set(addresses(client)) == before
