"""Tags: the list, one tag with its taps and sessions, unknown tokens, and what may be done."""

from datetime import timedelta
from typing import Any

from flask import flash, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain.access import drivers, tag_groups, tags
from app.domain.access.imports import cells
from app.domain.access.imports.tags import COLUMNS
from app.domain.ground import texts
from app.domain.ground.errors import Conflict, DomainError
from app.domain.ground.texts import N_
from app.extensions import db
from app.forms.access import GroupForm, NewTagForm, TagFactsForm
from app.models import ChargingSession, Driver, Tag, TagGroup
from app.process.clock import utc_now
from app.queries.access import tags as queries
from app.queries.access.tags import Filter
from app.queries.ground import names, picks
from app.queries.ground.paging import Page
from app.queries.ground.picks import written
from app.resource import TAG_GROUPS, TAGS
from app.text.numbers import local
from app.uow import unit_of_work
from app.views.ground import _bulk, _doing
from app.views.ground._plain import Plain
from app.web import listing
from app.web.security import Pages, actor, back

blueprint = Pages("tags", __name__, url_prefix="/tags")

#: Taps of unknown tokens are shown for this long.
UNKNOWN_FOR = timedelta(days=30)

#: What may be done to one tag, and what is said of it.
CHANGES = {
    "block": N_("%(value)s is blocked."),
    "unblock": N_("%(value)s is unblocked."),
    "archive": N_("%(value)s is archived."),
    "restore": N_("%(value)s is restored."),
}


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The list, narrowed, sorted and paged by the URL; `format=csv` is what an import takes."""
    now, session = utc_now(), db.session()
    wanted = _wanted()

    def beside(page: Page) -> dict[str, Any]:
        ids = [tag.id for tag in page]
        return {
            "taps": queries.last_taps(session, ids),
            "limited": queries.limited(session, ids),
            "state_of": lambda tag: queries.state_of(tag, now),
            "groups": [(group.id, group.name) for group in queries.groups(session)],
            "sites": names.sites(session),
            "unknown": len(queries.unknown(session, now - UNKNOWN_FOR)),
            "states": [(state, state) for state in queries.STATES],
        }

    return listing.shown(
        *("tags", TAGS.only(" ".join(COLUMNS))),
        lambda wish: queries.page(session, wanted, wish, now),
        *("access/tags/index.html", beside),
    )


def _wanted() -> Filter:
    return listing.asked(Filter)


@blueprint.get("/unknown")
def unknown() -> ResponseReturnValue:
    """Tokens that somebody tapped and that are on no list, each one click from being added."""
    found = queries.unknown(db.session(), utc_now() - UNKNOWN_FOR)
    return render_template("access/tags/unknown.html", found=found, days=UNKNOWN_FOR.days)


@blueprint.get("/<int:tag_id>")
def show(tag_id: int) -> ResponseReturnValue:
    """One tag: facts, why its last tap ended as it did, taps, sessions."""
    session, now = db.session(), utc_now()
    tag = plain.row(tag_id)
    return render_template(
        "access/tags/show.html",
        tag=tag,
        state=queries.state_of(tag, now),
        elsewhere=queries.elsewhere(session, tag),
        taps=queries.taps_of(session, tag),
        sessions=queries.sessions_of(session, ChargingSession.tag_id == tag.id),
    )


def _driver_in_url(session: Session) -> str:
    driver_id = listing.number("driver")
    driver = session.get(Driver, driver_id) if driver_id is not None else None
    return written(driver)


def _typed(session: Session, tag: Tag) -> dict[str, Any]:
    held, expires = tags.held(session, tag), tag.expires_at
    return {
        **held,
        "driver": written(tag.driver),
        "group": str(tag.group_id or ""),
        "expires_at": local(expires, "input", g.get("zone", "UTC")) if expires else "",
        "sites": sorted(held["site_ids"]),
        "stations": sorted(held["station_ids"]),
    }


def _form(tag: Tag | None) -> TagFactsForm:
    """The form of a tag; `value` and `driver` in the URL fill that of a new one."""
    session = db.session()
    if tag is None:
        value = request.args.get("value", "")
        form: TagFactsForm = NewTagForm(value=value, driver=_driver_in_url(session))
    else:
        form = TagFactsForm(data=_typed(session, tag))
    _offer(session, form, tag)
    return form


def _offer(session: Session, form: TagFactsForm, tag: Tag | None = None) -> None:
    """Fill the choices: what is chosen already stays on offer, though it may be archived."""
    groups = [(str(group.id), group.name) for group in queries.groups(session)]
    form.group.choices = [("", "No group"), *groups]
    form.sites.choices = names.sites(session, tag.sites if tag else ())
    held = [] if tag is None else [station.id for station in tag.stations]
    chosen = queries.stations(session, {*held, *(form.stations.data or ())})
    form.stations.choices = [(row.id, f"{row.label} · {row.site.name}") for row in chosen]


def _given(work: Session, form: TagFactsForm, tag: Tag | None) -> dict[str, Any]:
    """What was typed, as the operation wants it; raises what it cannot be."""
    typed, tenant_id = (form.driver.data or "").strip(), current_user.tenant_id
    if not typed:
        driver_id = None
    elif tag is not None and typed == written(tag.driver):
        driver_id = tag.driver_id
    else:
        driver_id = drivers.named(work, tenant_id, typed).id
    zone = listing.zone()
    return {
        **({} if tag else {"value": form.value.data}),
        "label": form.label.data,
        "driver_id": driver_id,
        "group_id": texts.row_id(form.group.data),
        "expires_at": cells.instant(form.expires_at.data or "", zone),
        "concurrent_limit": form.concurrent_limit.data,
        "site_ids": frozenset(form.sites.data or ()),
        "station_ids": frozenset(form.stations.data or ()) | _more_stations(work, form),
    }


def _more_stations(work: Session, form: TagFactsForm) -> frozenset[int]:
    """The stations that were named; raises what is not one."""
    typed = [text for text in (form.more_stations.data or "").split(",") if text.strip()]
    try:
        return frozenset(picks.station(work, text, in_use=True).id for text in typed)
    except DomainError as error:
        error.field = "more_stations"
        raise


plain = Plain(blueprint, TAGS, "access/tags/form.html", _form, _given)
plain.create()
plain.edit()


@blueprint.post("/<int:tag_id>/<any(block, unblock, archive, restore):change>")
def change(tag_id: int, change: str) -> ResponseReturnValue:
    """Block, unblock, archive or restore one tag."""
    with unit_of_work() as work:
        tag = plain.row(tag_id)
        for _name, why in tag_groups.change_all(
            work, actor(), [tag], change, now=utc_now()
        ).refused:
            raise Conflict(why)
    flash(_(CHANGES[change], value=tag.value), "success")
    return back("tags.show", tag_id=tag_id)


_bulk.hang(
    blueprint,
    tag_groups.MANY,
    lambda work: _wanted().select(utc_now()),
    {
        "block": lambda n: ngettext("%(num)s tag is blocked.", "%(num)s tags are blocked.", n),
        "unblock": lambda n: ngettext(
            "%(num)s tag is unblocked.", "%(num)s tags are unblocked.", n
        ),
        "archive": lambda n: ngettext("%(num)s tag is archived.", "%(num)s tags are archived.", n),
        "restore": lambda n: ngettext("%(num)s tag is restored.", "%(num)s tags are restored.", n),
        "group": lambda n: ngettext(
            "%(num)s tag is in another group now.", "%(num)s tags are in another group now.", n
        ),
    },
    lambda action, more: (
        {"group_id": texts.row_id(request.form.get("group"))} if action == "group" else {}
    ),
)


# Tag groups: who may stop whose session, and the tariff they share.

groups = Pages("tag_groups", __name__, url_prefix="/tags/groups")


@groups.get("", endpoint="index")
def all_groups() -> ResponseReturnValue:
    """All groups with the number of their tags."""
    session = db.session()
    return render_template(
        "access/tags/groups.html",
        groups=queries.groups(session),
        sizes=queries.group_sizes(session),
    )


def _group_form(group: TagGroup | None) -> GroupForm:
    form = GroupForm(data=GroupForm.held(group) if group else None)
    tariffs = names.tariffs(db.session())
    form.tariff.choices = [("", "As the station or site"), *((str(t.id), t.name) for t in tariffs)]
    form.sites.choices = names.sites(db.session(), group.sites if group else ())
    return form


plain_groups = Plain(groups, TAG_GROUPS, "access/tags/group_form.html", _group_form)
plain_groups.create(N_("Added the group %(name)s. Now add its tags."), ".index")
plain_groups.edit(then=".index")


_doing.does(
    *(groups, "/<int:group_id>/remove", tag_groups.remove),
    _doing.by_number(TagGroup, "There is no such group."),
    *(N_("Deleted the group %(name)s."), ".index"),
)
