"""Static files, as WhiteNoise serves them: kept long where the address changes with the contents.

They are sent compressed: the kit's stylesheet is large as text, and a phone in a car park notices.
Only files of the repository are compressed, never pages: those carry secrets beside what strangers
typed.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask, request
from whitenoise import WhiteNoise, compress

from app.web.headers import protection

FOLDER = Path(__file__).resolve().parents[2] / "static"
_PREFIX = "/static/"
#: name -> when the file was changed last, and its digest
Marks = dict[str, tuple[float, str]]


class Assets(WhiteNoise):  # type: ignore[misc]
    """Answers `/static/…` before any view is asked: files by name, and by name and digest."""

    def __init__(self, app: Flask) -> None:
        super().__init__(
            app.wsgi_app,
            max_age=0,
            allow_all_origins=False,
            immutable_file_test=lambda path, url: "?" in url or url.startswith(f"{_PREFIX}vendor/"),
        )
        self._marks: Marks = {}
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
        if known is None or known[0] != _changed(f"{FOLDER}/{name}"):
            self._gather()
        return f"{request.script_root}{_PREFIX}{name}?v={self._marks[name][1]}"

    def _gather(self) -> None:
        """Learn the files as they are now, and their digests."""
        self._packed, self._marks = _packed(tuple((path, _changed(path)) for path in _files()))
        self.add_files(self._packed.name, _PREFIX)
        for name, (_, mark) in self._marks.items():
            copy = str(Path(self._packed.name) / name)
            self.add_file_to_dictionary(f"{_PREFIX}{name}?v={mark}", copy)


def _files() -> list[Path]:
    return [path for path in sorted(FOLDER.rglob("*")) if path.is_file()]


def _changed(path: Path | str) -> float:
    return os.stat(path).st_mtime


@lru_cache(maxsize=1)
def _packed(files: tuple[tuple[Path, float], ...]) -> tuple[TemporaryDirectory[str], Marks]:
    """Copy the files to where compressed ones may lie beside them, and read their digests.

    Once for all applications of a process: to compress takes a third of a second.
    """
    folder = TemporaryDirectory(prefix="ampdesk-static-")
    shutil.copytree(FOLDER, folder.name, dirs_exist_ok=True)
    compress.main(["--quiet", folder.name])
    return folder, {
        path.relative_to(FOLDER).as_posix(): (
            changed,
            hashlib.sha256(path.read_bytes()).hexdigest()[:10],
        )
        for path, changed in files
    }


def register(app: Flask) -> None:
    """Serve static files in front of the application, and make `asset` known to templates."""
    assets = Assets(app)
    app.wsgi_app = assets  # type: ignore[method-assign]
    app.add_template_global(assets.address, "asset")
