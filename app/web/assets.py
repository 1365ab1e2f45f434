"""Static files: addresses that change with their contents, kept long by browsers, sent compressed.

The kit's stylesheet is large as text and small compressed; a phone in a car
park notices.  Only files of the repository are compressed, never pages: those
carry secrets beside what strangers typed.
"""

import gzip
import hashlib
from pathlib import Path

from flask import Flask, Response, current_app, request, url_for

YEAR_S = 365 * 24 * 3600
#: Types worth compressing; fonts and pictures are compressed already.
TEXTS = ("text/css", "text/javascript", "application/javascript", "image/svg+xml")


def asset(name: str) -> str:
    """The address of a static file, marked with its digest so that browsers may keep it."""
    marks: dict[str, tuple[float, str]] = current_app.extensions.setdefault("asset_marks", {})
    path = Path(current_app.static_folder or "static") / name
    changed_at = path.stat().st_mtime
    if name not in marks or marks[name][0] != changed_at:
        marks[name] = (changed_at, hashlib.sha256(path.read_bytes()).hexdigest()[:10])
    return url_for("static", filename=name, v=marks[name][1])


def register(app: Flask) -> None:
    """Make `asset` known to templates and look after the answers of the static route."""
    app.add_template_global(asset)
    app.after_request(_look_after)


def _look_after(response: Response) -> Response:
    if request.endpoint != "static" or response.status_code not in (200, 304):
        return response
    name = (request.view_args or {}).get("filename", "")
    if "v" in request.args or name.startswith("vendor/"):
        response.headers["Cache-Control"] = f"public, max-age={YEAR_S}, immutable"
    if response.status_code == 200 and response.mimetype in TEXTS:
        response.vary.add("Accept-Encoding")
        if request.accept_encodings["gzip"] and "Range" not in request.headers:
            _compress(response)
    return response


def _compress(response: Response) -> None:
    kept: dict[str, bytes] = current_app.extensions.setdefault("asset_bodies", {})
    mark, file = response.headers.get("ETag", ""), response.response
    response.direct_passthrough = False
    if mark not in kept:
        kept[mark] = gzip.compress(response.get_data(), 6)
    response.set_data(kept[mark])
    if hasattr(file, "close"):
        file.close()
    response.headers["Content-Encoding"] = "gzip"
    # Another representation needs another validator; a weak one says that they mean the same.
    response.set_etag(response.get_etag()[0] or "", weak=True)
