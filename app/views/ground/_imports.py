"""Imports on the desk: a file is looked through, doubts are agreed to, then it is written.

The page that shows what would happen carries the file's text on to the next
request; nothing of a file is kept between the two.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flask import Blueprint, flash, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain.access.imports import sheet
from app.domain.access.imports.headings import Vocabulary
from app.domain.access.imports.plans import LONG, Options, Plan
from app.domain.access.imports.sheet import Table
from app.domain.ground.errors import DomainError
from app.domain.ground.vocabulary import JobKind
from app.domain.office import jobs
from app.extensions import db
from app.forms.ground import refusals
from app.forms.ground.form import ImportForm
from app.process.clock import utc_now
from app.uow import unit_of_work
from app.web.security import actor, back, needs

#: Rows of the preview that are drawn; all of them are checked.
PREVIEWED = 200


@dataclass(frozen=True, slots=True)
class Noun:
    """One kind of file: what it is called, how it is looked through and written.

    `look` may need a unit of work of its own (`tries`); `write` writes in units of work of its
    own.  A long file is left to a `job`, where there is one and the file `may_wait`.
    """

    name: str
    endpoint: str
    home: str
    columns: Sequence[tuple[str, str]]
    known: Vocabulary
    look: Callable[[Session, Table, Options], Plan[Any]]
    write: Callable[[Table, Options], Plan[Any]]
    done: Callable[[Plan[Any]], ResponseReturnValue]
    tries: bool = False
    sites: Callable[[], Sequence[str]] = tuple
    job: JobKind | None = None
    may_wait: Callable[[Table], None] = lambda table: None


def hang(blueprint: Blueprint, rule: str, noun: Noun) -> None:
    """Hang the page that takes a file of a noun on a blueprint."""

    def page() -> ResponseReturnValue:
        return _page(noun)

    name = noun.endpoint.rpartition(".")[2]
    blueprint.add_url_rule(rule, name, needs("write")(page), methods=["GET", "POST"])


def _page(noun: Noun) -> ResponseReturnValue:
    """Take a file and show what it would do; with `go` in the form, do it for the valid rows."""
    form = ImportForm()
    if not form.validate_on_submit():
        return _asked(noun, form)
    options = _options()
    try:
        table = sheet.read(_given(form), noun.known)
        go = bool(request.form.get("go"))
        if not go or (table.unknown and not options.leave_out):
            return _previewed(noun, table, options, refused=go), 422 if go else 200
        if noun.job is not None and len(table.rows) > LONG:
            noun.may_wait(table)
            return _left_to_a_job(noun.job, table, options)
        planned = noun.write(table, options)
    except DomainError as error:
        refusals.show(form, error)
        return _asked(noun, form), 422
    _tell(planned)
    return noun.done(planned)


def _left_to_a_job(kind: JobKind, table: Table, options: Options) -> ResponseReturnValue:
    """Have a long file imported while nobody waits, and show how far it is."""
    agreed = {**asdict(options), "valid_only": True}
    with unit_of_work() as work:
        job = jobs.ask(
            work,
            actor(),
            kind,
            tenant_id=current_user.tenant_id,
            arguments=agreed,
            text=table.text,
            now=utc_now(),
        )
    return back("jobs.show", job_id=job.id)


def _asked(noun: Noun, form: ImportForm) -> str:
    return render_template("ground/imports/form.html", noun=noun, form=form, sites=noun.sites())


def _given(form: ImportForm) -> bytes | str:
    """The bytes of the file that was uploaded, or the text that was pasted or carried on."""
    upload = request.files.get("file")
    data = upload.read() if upload else b""
    return data or str(form.text.data or "")


def _options() -> Options:
    ticked: Mapping[str, bool] = {
        name: request.form.get(name) == "yes" for name in ("leave_out", "make_groups", "unblock")
    }
    site = request.form.get("site", "")[:200]
    return Options(**ticked, zone=g.get("zone", "UTC"), site=site)


def _previewed(noun: Noun, table: Table, options: Options, *, refused: bool) -> str:
    if noun.tries:
        with unit_of_work(aside=True) as work:
            planned = noun.look(work, table, options)
    else:
        planned = noun.look(db.session(), table, options)
    rows = planned.rows[:PREVIEWED]
    facts = range(len(rows[0].told)) if rows else ()
    return render_template(
        "ground/imports/preview.html",
        noun=noun,
        planned=planned,
        rows=rows,
        shown=[one for one in facts if any(row.told[one].old or row.told[one].new for row in rows)],
        errors=planned.errors[:PREVIEWED],
        options=options,
        refused=refused,
        text=table.text,
    )


def _tell(planned: Plan[Any]) -> None:
    """Say what an import has done."""
    added, changed, same = (planned.count(what) for what in ("add", "update", "same"))
    flash(
        _(
            "%(added)s added, %(changed)s changed, %(same)s as they were.",
            added=added,
            changed=changed,
            same=same,
        ),
        "success",
    )
    left = len(planned.errors)
    if left:
        flash(ngettext("%(num)s row was left out.", "%(num)s rows were left out.", left), "warning")
