"""Static files, as WhiteNoise serves them: kept long where the address changes with the contents.

They are sent compressed: the kit's stylesheet is large as text, and a phone in a car park notices.
Only files of the repository are compressed, never pages: those carry secrets beside what strangers
typed.
"""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask, request
from whitenoise import WhiteNoise, compress

from app.web.headers import protection

FOLDER = Path(__file__).resolve().parents[2] / "static"
_PREFIX = "/static/"


class Assets(WhiteNoise):  # type: ignore[misc]
    """Answers `/static/…` before any view is asked: files by name, and by name and digest."""

    def __init__(self, app: Flask) -> None:
        super().__init__(
            app.wsgi_app,
            max_age=0,
            allow_all_origins=False,
            immutable_file_test=lambda path, url: "?" in url or url.startswith(f"{_PREFIX}vendor/"),
        )
        self._marks: dict[str, tuple[float, str]] = {}
        self._packed: TemporaryDirectory[str] | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Send a file with the headers that protect every answer; pass all else on."""
        path = environ.get("PATH_INFO", "")
        if not path.startswith(_PREFIX):
            return self.application(environ, start_response)
        if not self.files:
            self._gather()
        marked = self.files.get(f"{path}?{environ.get('QUERY_STRING', '')}")
        file = marked or self.files.get(path)
        if file is None:
            return self.application(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]]) -> Any:
            more = protection(secure=environ["wsgi.url_scheme"] == "https")
            return start_response(status, [*headers, *more.items()])

        return self.serve(file, environ, start)

    def address(self, name: str) -> str:
        """The address of a static file, marked with its digest so that browsers may keep it."""
        known = self._marks.get(name)
        if known is None or known[0] != (FOLDER / name).stat().st_mtime:
            self._gather()
        return f"{request.script_root}{_PREFIX}{name}?v={self._marks[name][1]}"

    def _gather(self) -> None:
        """Copy the files to where compressed ones may lie beside them, and read their digests."""
        folder = TemporaryDirectory(prefix="ampdesk-static-")
        shutil.copytree(FOLDER, folder.name, dirs_exist_ok=True)
        compress.main(["--quiet", folder.name])
        self.add_files(folder.name, _PREFIX)
        for path in filter(Path.is_file, FOLDER.rglob("*")):
            name = path.relative_to(FOLDER).as_posix()
            mark = hashlib.sha256(path.read_bytes()).hexdigest()[:10]
            self._marks[name] = (path.stat().st_mtime, mark)
            copy = str(Path(folder.name) / name)
            self.add_file_to_dictionary(f"{_PREFIX}{name}?v={mark}", copy)
        if self._packed is not None:
            self._packed.cleanup()
        self._packed = folder


def register(app: Flask) -> None:
    """Serve static files in front of the application, and make `asset` known to templates."""
    assets = Assets(app)
    app.wsgi_app = assets  # type: ignore[method-assign]
    app.add_template_global(assets.address, "asset")
