"""Where stations fetch firmware and bring logs: addresses with a secret, nobody signs in.

Every address that is wrong, over, or meant for something else gets the same
answer, and whoever tries many hears to stop; a right one always works, also behind
the guesser's address.
"""

from flask import Blueprint, Response, request, send_file
from werkzeug.exceptions import RequestEntityTooLarge

from app.domain.device import file_jobs, files
from app.domain.device.files import Stored
from app.domain.ground import texts
from app.domain.ground.errors import DomainError
from app.extensions import csrf, db, limiter, the_settings
from app.models import FileJob
from app.process.clock import utc_now
from app.uow import unit_of_work
from app.web import doorkeeper
from app.web.doorkeeper import share
from app.web.file_store import FIRMWARE, UPLOADS, Store, TooLarge
from app.web.security import public

blueprint = Blueprint("station_files", __name__)
csrf.exempt(blueprint)

#: What is served is for machines: no browser may make anything of it.
SHUT = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
#: What surrounds a file in a form.
_WRAPPING = 64 * 1024

#: Secrets that nobody has, tried from one address; who has one is never held up by them.
GUESSES = "60/minute"
#: Somebody with a secret may fetch in many pieces, and not for ever.
pacing = limiter.limit("1200/minute", key_func=lambda: str((request.view_args or {}).get("key")))


@blueprint.get("/f/<key>", strict_slashes=False, defaults={"name": ""})
@blueprint.get("/f/<key>/<path:name>")
@pacing
@public
def fetch(key: str, name: str) -> Response:
    """Give the firmware of a job, whole or in pieces (Range); `name` is what the station likes."""
    del name
    job = file_jobs.by_key(db.session(), key, files.FETCHED, now=utc_now())
    image = job.firmware if job is not None else None
    path = _store(FIRMWARE).path(image.stored_as) if image is not None else None
    if job is None or image is None or path is None:
        return _nothing()
    job_id, etag, label = job.id, image.sha256, image.name
    if request.method == "GET" and _from_the_start():
        with unit_of_work() as work:
            file_jobs.fetched(work, work.get_one(FileJob, job_id), now=utc_now())
    db.session.remove()  # a slow station fetches for an hour and must not hold a connection
    answer = send_file(
        path,
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=label,
        etag=etag,
        max_age=0,
    )
    answer.headers.update(SHUT)
    return answer


@blueprint.route("/u/<key>", methods=["POST", "PUT"], strict_slashes=False, defaults={"name": ""})
@blueprint.route("/u/<key>/<path:name>", methods=["POST", "PUT"])
@pacing
@public
def bring(key: str, name: str) -> Response:
    """Take a log: as the body or in a form; a second one replaces the first until the job ends."""
    if file_jobs.by_key(db.session(), key, files.BROUGHT, now=utc_now()) is None:
        return _nothing()
    db.session.remove()
    limit = the_settings().upload_max_bytes
    request.max_content_length = limit + _WRAPPING
    try:
        stored, given = _take(limit)
    except (TooLarge, RequestEntityTooLarge):
        return _say(413, "The file is too large.")
    except DomainError:
        return _say(507, "There is no room for it.")
    if stored is None:
        return _say(400, "There is no file in it.")
    return _keep(key, stored, given or name)


def _take(limit: int) -> tuple[Stored | None, str]:
    store = _store(UPLOADS)
    if request.mimetype != "multipart/form-data":
        stored = store.save(request.stream.read, limit)
        if not stored.size_bytes:
            store.remove([stored.stored_as])
            return None, ""
        return stored, ""
    for part in request.files.values():
        return store.save(part.stream.read, limit), part.filename or ""
    return None, ""


def _keep(key: str, stored: Stored, name: str) -> Response:
    """Tie what was stored to its job, if that has not ended meanwhile."""
    now = utc_now()
    with unit_of_work() as work:
        job = file_jobs.by_key(work, key, files.BROUGHT, now=now)
        superseded: str | None = stored.stored_as
        if job is not None:
            superseded = file_jobs.received(
                work,
                job,
                stored_as=stored.stored_as,
                size_bytes=stored.size_bytes,
                sha256=stored.sha256,
                name=name,
                now=now,
            )
    _store(UPLOADS).remove([superseded])
    return _nothing() if job is None else _say(200, "Thank you.")


def _from_the_start() -> bool:
    wanted = request.range
    return wanted is None or wanted.ranges[0][0] in (0, None)


def _store(kind: str) -> Store:
    return Store(the_settings(), kind)


def _nothing() -> Response:
    guess = [share(GUESSES, "file secret from", texts.household(request.remote_addr))]
    if not doorkeeper.spend(guess):
        return _say(429, "Too many requests for addresses that do not exist; wait a minute.")
    return _say(404, "There is nothing here.")


def _say(status: int, sentence: str) -> Response:
    return Response(sentence + "\n", status, SHUT, mimetype="text/plain")
