"""Tasks about money: an ended session wants its bill, a bill its receipt."""

from datetime import UTC, datetime

from celery import shared_task
from flask import current_app
from sqlalchemy import select

from app import post_office
from app.domain import billing
from app.extensions import db as flask_db
from app.models import Receipt
from app.uow import unit_of_work


@shared_task(name="bill_session")
def bill_session(session_id: int) -> None:
    """Bill an ended session, or do what a late stop changes about it; repeatable."""
    hold_h = current_app.config["SETTINGS"].provisional_hold_h
    with unit_of_work() as db:
        billing.settle(db, session_id, now=datetime.now(UTC), provisional_hold_h=hold_h)


@shared_task(name="send_receipt_of_bill")
def send_receipt_of_bill(bill_id: int) -> None:
    """Send the receipt of a bill, if it waits; repeatable."""
    receipt_id = flask_db.session.scalar(select(Receipt.id).where(Receipt.bill_id == bill_id))
    if receipt_id is not None:
        send_receipt(receipt_id)


@shared_task(name="send_receipt")
def send_receipt(receipt_id: int) -> None:
    """Send a receipt, if it waits; repeatable."""
    post_office.send_receipt(current_app.config["SETTINGS"], receipt_id, post_office.utc_now)
