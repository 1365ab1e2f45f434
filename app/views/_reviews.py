"""The review inbox, as part of the bills: what is held, why, and what a person decides."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from flask import Blueprint, abort, flash, render_template, request

from app import bill_text, listing
from app.domain import billing, reviews, sessions
from app.domain.billing.rows import draft
from app.domain.errors import Conflict, DomainError
from app.domain.vocabulary import ReceiptState, doubts
from app.extensions import db
from app.forms import refusals
from app.forms.bills import AssignForm, DecisionForm, DismissForm, in_wh
from app.models import Review
from app.presentation import duration, kwh, local, money, watt_hours
from app.queries import reviews as queries
from app.queries import sessions as session_queries
from app.security import actor, back, needs
from app.uow import unit_of_work
from app.writers import DeskWriter

WAITING_STATES = (ReceiptState.QUEUED, ReceiptState.SENDING)


@needs("viewer")
def review(session_id: int | None = None) -> Any:
    """The inbox, or the review of one session with its numbers side by side."""
    if session_id is None:
        return _inbox()
    return _page(_review(session_id), DecisionForm(formdata=None))


@needs("operator")
def decide(session_id: int) -> Any:
    """Approve, correct or waive a held session; the button's name says which."""
    found, form = _review(session_id), DecisionForm()
    decision = request.form.get("decision", "")
    if decision == "correct" and form.energy_kwh.data is None and not form.energy_kwh.errors:
        form.validate()
        form.energy_kwh.errors = ["Name the energy that is to be billed."]
    elif form.validate_on_submit():
        try:
            said = _decided(found, decision, form)
        except Conflict as error:  # somebody was quicker
            flash(error.sentence, "error")
            return back("bills.review", session_id=session_id)
        except DomainError as error:
            refusals.show(form, error)
        else:
            flash(said, "success")
            return back("bills.review")
    return _page(found, form), 422


@needs("operator")
def dismiss(stray_id: int) -> Any:
    """Put a stop that matches no session aside."""
    stray, form = queries.stray(db.session(), stray_id), DismissForm()
    if stray is None:
        abort(404)
    with unit_of_work() as work:
        reviews.dismiss_stray(work, actor(), stray, note=form.note.data or "", now=_now())
    flash("The stop is put aside; the audit keeps why.", "success")
    return back("bills.review")


@needs("operator")
def assign(stray_id: int) -> Any:
    """Give a stop that matched no session to the one that it ended."""
    stray, form = queries.stray(db.session(), stray_id), AssignForm()
    if stray is None:
        abort(404)
    with unit_of_work() as work:
        session = session_queries.one(work, form.session_id.data or 0)
        stray = queries.stray(work, stray_id)
        if session is None or stray is None:
            raise Conflict("There is no such session.")
        sessions.assign_stray(work, actor(), stray, session, note=form.note.data or "", now=_now())
        number = session.id
    flash(f"The stop belongs to session {number} now.", "success")
    return back("sessions.show", session_id=number)


def add_to(blueprint: Blueprint) -> None:
    """Give the inbox its addresses."""
    blueprint.add_url_rule("/review", "review", review)
    blueprint.add_url_rule("/review/<int:session_id>", "review", review)
    blueprint.add_url_rule("/review/<int:session_id>", "decide", decide, methods=["POST"])
    blueprint.add_url_rule("/stray/<int:stray_id>/dismiss", "dismiss", dismiss, methods=["POST"])
    blueprint.add_url_rule("/stray/<int:stray_id>/assign", "assign", assign, methods=["POST"])


def _inbox() -> str:
    session, show_decided = db.session(), listing.text("show") == "decided"
    find = queries.decided if show_decided else queries.waiting
    strays = [] if show_decided else queries.strays(session)
    return render_template(
        "bills/inbox.html",
        page=find(session, listing.wish()),
        decided=show_decided,
        sentence=doubts.sentence,
        strays=strays,
        stations=queries.stations(session, {stray.station_id for stray in strays}),
        candidates={stray.id: sessions.candidates(session, stray) for stray in strays},
        dismiss_form=DismissForm(formdata=None),
    )


def _page(found: Review, form: DecisionForm) -> str:
    session = db.session()
    assessment = billing.assess(session, found.session, _now())
    bill = draft(session, assessment)
    form.tariff.choices = [("", "Choose…"), *queries.tariffs(session, found.session.currency)]
    zone = found.session.timezone
    return render_template(
        "bills/review.html",
        review=found,
        session=found.session,
        zone=zone,
        reasons=[doubts.sentence(code) for code in found.reasons],
        numbers=[*_numbers(assessment, bill), *_compared(session, assessment, bill)],
        told=bill_text.told(bill, DeskWriter(zone)) if bill is not None else None,
        standing=billing.standing(session, found.session),
        priced=found.session.tariff_version_id is not None,
        form=form,
    )


def _numbers(assessment: billing.Assessment, bill: Any) -> Any:
    """What is known, side by side: (what, value, whether it is what would be billed)."""
    session, energy = assessment.session, assessment.measured.energy
    reported = None
    if session.meter_start_wh is not None and session.meter_stop_wh is not None:
        reported = session.meter_stop_wh - session.meter_start_wh
    yield "First register", watt_hours(session.meter_start_wh), False
    yield "Final register", watt_hours(session.meter_stop_wh), False
    yield "Difference of the two", kwh(reported, 3), False
    yield "What the readings add up to", kwh(energy.measured_wh, 3), False
    yield f"Most the plug can give in {duration(energy.duration_s)}", _limit(energy), False
    yield "Readings used and left out", f"{len(energy.used)} and {len(energy.ignored)}", False
    yield "Energy that would be billed", kwh(energy.energy_wh, 3), True
    if bill is not None:
        yield "Price that would be billed", money(bill.gross_minor, bill.currency), True


def _compared(session: Any, assessment: billing.Assessment, bill: Any) -> Any:
    """What was billed and how far it lies from now; what the other ends would come to."""
    row = assessment.session
    standing = billing.standing(session, row)
    if standing is not None:
        yield f"Billed by {standing.number}: energy", kwh(standing.energy_wh, 3), False
        billed = money(standing.gross_minor, standing.currency)
        yield f"Billed by {standing.number}: price", billed, False
        yield "Difference in energy", kwh(assessment.energy_wh - standing.energy_wh, 3), True
        if bill is not None:
            minor = bill.gross_minor - standing.gross_minor
            yield "Difference in price", money(minor, bill.currency), True
    for end in billing.other_ends(session, row, _now()):
        told = f"The other end, {local(end.at, 'short', row.timezone)}"
        yield f"{told}: register", watt_hours(end.register_wh), False
        yield f"{told}: energy", kwh(end.energy_wh, 3), False
        if end.gross_minor is not None:
            yield f"{told}: price", money(end.gross_minor, row.currency), False


def _limit(energy: Any) -> str:
    return kwh(energy.limit_wh, 3) if energy.limit_wh < Decimal(10**9) else "unknown"


def _decided(found: Review, decision: str, form: DecisionForm) -> str:
    given: dict[str, Any] = {"note": form.note.data, "now": _now()}
    with unit_of_work() as work:
        if decision == "waive":
            reviews.waive(work, actor(), found, **given)
            return f"Session {found.session_id} costs nothing."
        if decision == "keep":
            return f"Bill {reviews.keep(work, actor(), found, **given).number} stays as it is."
        given["tariff_version_id"] = form.tariff.data
        if decision == "correct":
            given["energy_wh"] = in_wh(form.energy_kwh.data)
            bill = reviews.correct(work, actor(), found, **given)
        elif decision == "approve":
            bill = reviews.approve(work, actor(), found, **given)
        else:
            abort(400)
        waits = bill.receipt is not None and bill.receipt.state in WAITING_STATES
        mail = " Its receipt is on its way." if waits else ""
        return f"Bill {bill.number} of {money(bill.gross_minor, bill.currency)} is issued.{mail}"


def _review(session_id: int) -> Review:
    found = queries.one(db.session(), session_id)
    if found is None:
        abort(404, "This session is not held for review.")
    return found


def _now() -> datetime:
    return datetime.now(UTC)
