"""Tasks about mails other than receipts."""

from celery import shared_task
from flask import current_app

from app import post_office


@shared_task(name="send_mail")
def send_mail(mail_id: int) -> None:
    """Send a mail, if it waits; repeatable."""
    post_office.send_mail(current_app.config["SETTINGS"], mail_id, post_office.utc_now)
