"""Tasks about mails: receipts, and all others."""

import time

from celery import shared_task
from flask import current_app

from app import reactions
from app.config import Settings
from app.mails import post_office
from app.tasks.sets import one_at_a_time

#: A round goes home after so long; what is left waits for the next nudge, or the sweep.
PATIENCE_S = 60.0


@shared_task(name=reactions.POST)
def send_post() -> None:
    """Send all receipts and other mails that are due; many nudges are one round."""
    _send_post()


@one_at_a_time
def _send_post() -> None:
    reactions.heard(reactions.POST)
    settings: Settings = current_app.config["SETTINGS"]
    until = time.monotonic() + PATIENCE_S
    for kind in (post_office.MAILS, post_office.RECEIPTS):
        post_office.send_waiting(settings, kind, until, post_office.utc_now)


@shared_task(name="send_mail")
def send_mail(mail_id: int) -> None:
    """Send a mail, if it waits; repeatable."""
    post_office.send_mail(current_app.config["SETTINGS"], mail_id, post_office.utc_now)
