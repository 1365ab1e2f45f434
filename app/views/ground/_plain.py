"""The usual pages of a plain noun, hung on its blueprint one by one; `app/resource.py` has them."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, flash, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain.access import reach
from app.domain.ground.errors import DomainError
from app.domain.ground.texts import N_
from app.extensions import db
from app.forms.ground import refusals
from app.process.clock import utc_now
from app.resource import Resource
from app.uow import unit_of_work
from app.views.ground import _opened
from app.views.ground._doing import does
from app.web.security import actor, back, needs


class Plain:
    """A noun whose rows are added, changed and put away by forms.

    Each method hangs one page on the blueprint; `said` tells what was done to %(name)s, `then` is
    the endpoint that shows it.  `make_form` makes the form of a row (None: of a new one),
    `typed` turns it into what the operations take, `refused` shows what they refused, `context`
    is what the form's page needs besides.  `everywhere` keeps out whoever may not see all sites.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        of: Resource,
        template: str,
        make_form: Callable[[Any], Any],
        typed: Callable[[Session, Any, Any], dict[str, Any]] = lambda work, form, row: form.typed(),
        refused: Callable[[Any, DomainError], None] = refusals.show,
        context: Callable[[], dict[str, Any]] = dict,
        *,
        everywhere: bool = False,
    ) -> None:
        self.everywhere = everywhere
        self.blueprint, self.of, self.template, self.context = blueprint, of, template, context
        self.make_form, self.typed, self.refused = make_form, typed, refused
        self.one, self.word = f"/<int:{of.key}>", of.key.removesuffix("_id")
        self.missing = f"There is no such {self.word}."

    def create(
        self, said: str = N_("Added %(name)s."), then: str = ".show", *, everywhere: bool = False
    ) -> None:
        """Hang /new."""

        def create() -> ResponseReturnValue:
            form = self.make_form(None)
            if form.validate_on_submit():
                try:
                    with unit_of_work() as work:
                        given = self.typed(work, form, None)
                        row = self.of.add(
                            work, actor(), current_user.tenant_id, now=utc_now(), **given
                        )
                    return self.go(said, row, then)
                except DomainError as error:
                    self.refused(form, error)
            return self.page(form, None)

        guarded = needs("write", everywhere=everywhere or self.everywhere)(create)
        self.blueprint.add_url_rule("/new", "create", guarded, methods=["GET", "POST"])

    def edit(self, said: str = N_("Saved %(name)s."), then: str = ".show") -> None:
        """Hang /{id}/edit."""

        def edit(**path: int) -> ResponseReturnValue:
            row = self.row(**path)
            if isinstance(row, reach.OWNED):
                reach.guard(db.session(), row)
            opened = _opened.when(row)
            form = self.make_form(row)
            form.opened = opened
            if form.validate_on_submit():
                try:
                    with unit_of_work() as work:
                        _opened.refuse_changed(work, form, row)
                        given = self.typed(work, form, row)
                        self.of.edit(work, actor(), row, now=utc_now(), **given)
                    return self.go(said, row, then)
                except DomainError as error:
                    self.refused(form, error)
            return self.page(form, self.row(**path))

        rule = f"{self.one}/edit"
        guarded = needs("write", everywhere=self.everywhere)(edit)
        self.blueprint.add_url_rule(rule, "edit", guarded, methods=["GET", "POST"])

    def archive(self, said: str = N_("Archived %(name)s."), then: str = ".show") -> None:
        """Hang /{id}/archive."""
        self._put("archive", self.of.archive, said, then)

    def restore(self, said: str = N_("Restored %(name)s."), then: str = ".show") -> None:
        """Hang /{id}/restore."""
        self._put("restore", self.of.restore, said, then)

    def _put(self, verb: str, act: Any, said: str, then: str) -> None:
        does(
            *(self.blueprint, f"{self.one}/{verb}", act, self.row, said, then),
            called=self.of.called,
            everywhere=self.everywhere,
        )

    def row(self, number: int = 0, /, **path: int) -> Any:
        """The row that an address names, as far as this person may see it."""
        number = path.get(self.of.key, number)
        if self.of.numbered is not None:
            return self.of.numbered(db.session(), number)
        return db.session.get(self.of.model, number) or abort(404, self.missing)

    def page(self, form: Any, row: Any) -> ResponseReturnValue:
        """The form, of a row or of a new one."""
        shown = {self.word: row, **self.context()}
        page = render_template(self.template, form=form, **shown)
        return page, 422 if form.is_submitted() else 200

    def go(self, said: str, row: Any, then: str) -> ResponseReturnValue:
        """Say what was done, and go on to a page of the row, or of the list."""
        flash(gettext(said, name=self.of.name_of(row)), "success")
        return back(then, **({} if then.endswith(".index") else {self.of.key: row.id}))
