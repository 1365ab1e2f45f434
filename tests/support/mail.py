"""A real SMTP server that keeps what it is given."""

import logging
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from flask import current_app

from app.mails import post_office
from app.process.clock import utc_now
from tests.support.processes import free_port
from tests.support.wait import resting


class MailServer:
    """Accepts every mail at a loopback port; `messages` holds them in order of arrival.

    `refusal` is what it answers instead (for example "451 come back later"), `delay_s` how long it
    takes for each; one that `dies` hangs up when a mail has been given to it.  `refused` are the
    Message-IDs of mails that it will never take.
    """

    refusal: str | None = None
    delay_s = 0.0
    dies = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: list[EmailMessage] = []
        self.refused: set[str] = set()
        self.port = free_port()
        self._controller: Controller | None = None

    @property
    def url(self) -> str:
        """What AMPDESK_SMTP_URL is set to."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def messages(self) -> list[EmailMessage]:
        """Return a copy of what has arrived so far."""
        with self._lock:
            return list(self._messages)

    def to(self, address: str) -> list[EmailMessage]:
        """Return the mails to one address."""
        return [mail for mail in self.messages if address in str(mail["To"])]

    def start(self) -> None:
        """Begin to listen, also once more after `stop`."""
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        # The loop of one that was stopped is closed: it cannot be started again.
        given = {"hostname": "127.0.0.1", "port": self.port, "ready_timeout": 60}
        self._controller = Controller(self, **given)
        self._controller.start()

    def stop(self) -> None:
        """Close the port, if it is open."""
        controller, self._controller = self._controller, None
        if controller is not None:
            controller.stop()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Keep one mail (the name is aiosmtpd's)."""
        await resting(self.delay_s)
        if self.dies:
            server.transport.abort()
            return "421 gone"
        mail = message_from_bytes(envelope.content, policy=policy.default)
        if self.refusal:
            if self.refusal.startswith("5"):
                self.refused.add(str(mail["Message-ID"]))
            return self.refusal
        with self._lock:
            self._messages.append(mail)
        return "250 kept"


def send_receipt(number, clock=utc_now):
    """Send one receipt, as a round of the post does with all that are due."""
    with current_app.app_context():
        post_office.send(current_app.config["SETTINGS"], post_office.RECEIPTS, [number], clock)
