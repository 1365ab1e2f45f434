"""A draft of the editor against the sessions of a month: for the page and as a file."""

from datetime import date, datetime

from flask import Response, request
from flask_login import current_user

from app.domain.money import tariffs as prices
from app.extensions import db
from app.models import Tariff
from app.process.clock import utc_now
from app.queries.ground import period
from app.queries.money import bench
from app.queries.money.bench import Bench
from app.web import listing


def month() -> str:
    """The month that was typed, else the last one that is over."""
    typed = request.form.get("month", "").strip()[:20]
    return typed or f"{period.month_before(_today()).first:%Y-%m}"


def _today() -> date:
    return datetime.now(listing.zone()).date()


def tried(draft: prices.Tariff, tariff: Tariff | None) -> Bench:
    """The draft against the sessions of the month; raises `Invalid`."""
    return bench.run(
        db.session(),
        current_user.tenant_id,
        draft,
        period.month(month()),
        tariff=tariff,
        most=bench.MOST if listing.wants_file() else bench.USUAL,
        now=utc_now(),
    )


def as_file(found: Bench) -> Response:
    """A row per session."""
    name = f"tariff-bench-{found.period.first:%Y-%m}"
    return listing.file_response(name, bench.columns(found.currency), found.rows)
