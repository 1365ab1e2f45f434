"""Photos that staff take: read as what they are, drawn anew as JPEG, so that nothing else is kept.

Whatever a file calls itself, its first bytes say what it is.  What is stored are the pixels alone:
place, time and owner in its metadata, and anything hidden behind the picture, are gone.
"""

import io
from typing import IO

from flask import Response, send_file

from app.domain.ground.errors import Invalid, NotFound
from app.extensions import in_a_thread, the_settings
from app.web.file_store import PHOTOS, Store

#: A photo as it is sent, in bytes.
MOST_BYTES = 5 * 1024 * 1024
#: Its pixels: what phones take.  A large JPEG is read in a smaller size, the others are not.
MOST_PIXELS = {"JPEG": 50_000_000, "PNG": 25_000_000, "WEBP": 25_000_000}
#: The longer side of what is kept, and its quality.
LONGEST_SIDE, QUALITY = 2000, 85
_UNREADABLE = "This photo cannot be read; use JPEG, PNG or WebP."
#: No browser may make anything else of it.
_SHUT = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
}


def drawn_anew(stream: IO[bytes]) -> bytes | None:
    """The photo as JPEG without metadata; None when nothing was sent.  Raises `Invalid`."""
    data = stream.read(MOST_BYTES + 1)
    if not data:
        return None
    if len(data) > MOST_BYTES:
        raise Invalid("The photo has more than 5 MB.", field="photo")
    kind = _kind(data)
    if kind is None:
        raise Invalid(_UNREADABLE, field="photo")
    made: bytes = in_a_thread(lambda: _draw(data, kind))
    return made


def _kind(data: bytes) -> str | None:
    """What a file is by its first bytes."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    return "WEBP" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _draw(data: bytes, kind: str) -> bytes:
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as picture:
            if picture.width * picture.height > MOST_PIXELS[kind]:
                raise Invalid("The photo has too many pixels.", field="photo")
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except Invalid:
        raise
    except Exception as error:  # whatever a decoder trips over, the file is no photo
        raise Invalid(_UNREADABLE, field="photo") from error
    plain = Image.new("RGB", upright.size)
    plain.paste(upright)
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def store() -> Store:
    """Where photos lie."""
    return Store(the_settings(), PHOTOS)


def answer(stored_as: str | None, name: str) -> Response:
    """A stored photo, to be looked at and nothing else; raises `NotFound`."""
    path = store().path(stored_as or "")
    if path is None:
        raise NotFound("There is no photo.")
    response = send_file(path, mimetype="image/jpeg", download_name=name, max_age=0)
    response.headers.update(_SHUT)
    response.headers["Cache-Control"] = "private, no-store"
    return response
