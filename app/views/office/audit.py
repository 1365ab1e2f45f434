"""The audit: who did what, before and after."""

from typing import Any

from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.domain.ground.rows import read
from app.extensions import db
from app.models import AuditEntry
from app.queries.office import staff
from app.queries.office.staff import AuditFilter
from app.web import listing
from app.web.security import Pages

blueprint = Pages("audit", __name__, url_prefix="/audit")

#: Columns that only number a row, or repeat another one, folded.
HIDDEN = frozenset(
    {"id", "tenant_id", "created_at", "key", "bare_key"} | {"name_key", "email_key", "identity_key"}
)

CSV = [
    *read("at who=actor token=token_id address action kind=subject_kind id=subject_id subject"),
    ("before", lambda entry: entry.before or ""),
    ("after", lambda entry: entry.after or ""),
    *read("note"),
]


#: How many of the latest changes of a thing its own page shows.
LAST = 5


@blueprint.app_template_global()
def last_changes(row: Any) -> list[AuditEntry]:
    """The latest changes of a thing, for its own page; none for who may not see the audit."""
    if not current_user.may_open("audit.index"):
        return []
    wanted = AuditFilter(subject_kind=type(row).__name__, subject_id=row.id)
    return list(db.session.scalars(wanted.select().order_by(AuditEntry.id.desc()).limit(LAST)))


@blueprint.app_template_global("audit_changes")
def changes(entry: AuditEntry) -> list[tuple[str, Any, Any]]:
    """What an entry changed: (column, before, after); what stayed empty is left out."""
    before, after = entry.before or {}, entry.after or {}
    keys = [key for key in after if key not in HIDDEN]
    empty: tuple[Any, ...] = (None, "", [], {})
    return [
        (key, before.get(key), after[key])
        for key in keys
        if before.get(key) not in empty or after[key] not in empty
    ]


@blueprint.get("", everywhere=True)
def index() -> ResponseReturnValue:
    """The list, narrowed, sorted and paged by the URL."""
    session = db.session()
    wanted = listing.asked(
        AuditFilter,
        subject_kind=listing.text("kind"),
        since=listing.day("from"),
        until=listing.day("to", end=True),
    )
    return listing.shown(
        *("audit", CSV, lambda wish: staff.audit_page(session, wanted, wish)),
        "office/audit/index.html",
        lambda page: {
            "nouns": staff.nouns(session),
            "actors": staff.actors(session),
            "pairs": lambda words: [(word, word.replace("_", " ")) for word in words],
        },
        since=wanted.since,
        until=wanted.until,
    )
