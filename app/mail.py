"""Sending mail: over SMTP, or as files that the desk shows.

`opened(settings)` gives a post office.  What can fail without a mail having
left (no server, a refused address) fails in `address`, before the caller
claims the mail; `deliver` hands it over.  The outcome is one of three: it
returns what the server said, it raises `Refused` (certainly not taken) or
`Unclear` (perhaps taken).
"""

import os
import re
import smtplib
import ssl
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from app.config import Settings

TIMEOUT_S = 30.0
NAME_MOST = 80
SUBJECT_MOST = 200
_GO_AHEAD = 354


class Refused(Exception):
    """The mail was certainly not taken; `permanent`: trying again is no use."""

    def __init__(self, sentence: str, *, permanent: bool = False) -> None:
        super().__init__(sentence)
        self.permanent = permanent


class Unclear(Exception):
    """The mail may or may not have been taken."""


class Post(Protocol):
    """A post office that has been reached."""

    def address(self, mail: EmailMessage) -> None:
        """Announce sender and recipient; raises Refused."""

    def deliver(self, mail: EmailMessage) -> str:
        """Hand the mail over; returns what was answered, raises Refused or Unclear."""


def one_line(text: str, most: int) -> str:
    """A text that is safe and short enough for a header: no control characters, one line."""
    kept = "".join(
        " " if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} else char for char in text
    )
    return re.sub(r"\s+", " ", kept).strip()[:most].strip()


def compose(
    settings: Settings,
    *,
    recipient: str,
    subject: str,
    text: str,
    html: str | None = None,
    name: str = "",
    language: str = "en",
    message_id: str,
    now: datetime,
) -> EmailMessage:
    """Build a mail; raises Refused when the address cannot be one.

    Names and subjects are cut to one short line, so that nothing that a charger
    or a person typed can add a header.  `message_id` comes without brackets.
    """
    mail = EmailMessage(policy=policy.SMTP)
    sender_name, sender = parseaddr(settings.mail_from)
    try:
        mail["From"] = _address(sender_name, sender)
    except Refused:
        # A slip in the settings is put right some day; the mails wait for it.
        raise Refused("AMPDESK_MAIL_FROM holds no e-mail address.") from None
    mail["To"] = _address(name, recipient)
    mail["Subject"] = one_line(subject, SUBJECT_MOST)
    mail["Date"] = now.astimezone(UTC)
    mail["Message-ID"] = f"<{one_line(message_id, 200)}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = language
    mail.set_content(text, cte="quoted-printable")
    if html is not None:
        mail.add_alternative(html, subtype="html", cte="quoted-printable")
    return mail


def sender_domain(settings: Settings) -> str:
    """The domain that mails come from; completes their Message-IDs."""
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2].lower()
    return domain if re.fullmatch(r"[a-z0-9.-]{1,120}", domain) else "ampdesk.invalid"


def _address(name: str, address: str) -> Address:
    text = address.strip()
    local, _, domain = text.rpartition("@")
    if not local or not domain or re.search(r"[\s<>\x00-\x1f\x7f]", text):
        raise Refused("The address is no e-mail address.", permanent=True)
    try:
        if not domain.isascii():
            domain = domain.encode("idna").decode("ascii")
        return Address(display_name=one_line(name, NAME_MOST), username=local, domain=domain)
    except (ValueError, UnicodeError):
        raise Refused("The address is no e-mail address.", permanent=True) from None


@contextmanager
def opened(settings: Settings) -> Iterator[Post]:
    """Reach the post office that the settings name; raises Refused when it cannot be reached."""
    if not settings.smtp_url:
        yield FilePost(mail_folder(settings))
        return
    client = _connected(settings.smtp_url)
    try:
        yield SmtpPost(client)
    finally:
        _leave(client)


def mail_folder(settings: Settings) -> Path:
    """Where mails go that are not sent by SMTP."""
    return settings.data_dir / "mail"


class FilePost:
    """Writes each mail to a file of its own, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def address(self, mail: EmailMessage) -> None:
        """Make the folder; raises Refused when that is impossible."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refused(f"The mail folder cannot be made: {error.strerror}.") from None

    def deliver(self, mail: EmailMessage) -> str:
        """Write the file under its final name only when it is complete."""
        moment = mail["Date"].datetime.strftime("%Y%m%dT%H%M%S")
        slug = re.sub(r"[^A-Za-z0-9.-]+", "-", str(mail["Message-ID"]).strip("<>"))[:100].strip(
            ".-"
        )
        target = self.folder / f"{moment}-{slug}.eml"
        partial = self.folder / f".{target.name}.{os.getpid()}"
        try:
            with partial.open("wb") as file:
                file.write(mail.as_bytes())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise Refused(f"The mail cannot be written: {error.strerror}.") from None
        return f"written to {target.name}"


class SmtpPost:
    """An open, signed-in SMTP connection."""

    def __init__(self, client: smtplib.SMTP) -> None:
        self.client = client

    def address(self, mail: EmailMessage) -> None:
        """Announce sender and recipient."""
        sender, recipient = (mail[key].addresses[0].addr_spec for key in ("From", "To"))
        options = []
        if not (sender + recipient).isascii():
            if not self.client.has_extn("smtputf8"):
                raise Refused("The mail server cannot reach such an address.", permanent=True)
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        try:
            _expect(self.client.mail(sender, options), "sender")
            _expect(self.client.rcpt(recipient), "recipient")
        except (OSError, smtplib.SMTPException) as error:
            raise Refused(f"The mail server did not listen: {_words(error)}") from None

    def deliver(self, mail: EmailMessage) -> str:
        """Send the text; once the server has said to go ahead, a silence is unclear."""
        utf8 = not mail["To"].addresses[0].addr_spec.isascii()
        content = mail.as_bytes(policy=policy.SMTPUTF8 if utf8 else policy.SMTP)
        try:
            code, answer = self.client.docmd("DATA")
        except (OSError, smtplib.SMTPException) as error:
            raise Refused(f"The mail server went away: {_words(error)}") from None
        if code != _GO_AHEAD:
            raise Refused(_said(code, answer), permanent=code >= 500)
        try:
            stuffed = re.sub(rb"(?m)^\.", b"..", content)
            ending = b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
            self.client.send(stuffed + ending)
            code, answer = self.client.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise Unclear(
                f"The mail server went away while it took the mail: {_words(error)}"
            ) from None
        if code // 100 in (4, 5):
            raise Refused(_said(code, answer), permanent=code >= 500)
        if code // 100 != 2:
            raise Unclear(f"The mail server's answer makes no sense: {_said(code, answer)}")
        return _said(code, answer)


def _connected(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    secure = parts.scheme == "smtps"
    port = parts.port or (465 if secure else 25)
    try:
        if secure:
            context = ssl.create_default_context()
            client: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=context)
        else:
            client = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    except (OSError, smtplib.SMTPException) as error:
        raise Refused(f"The mail server {host}:{port} cannot be reached: {_words(error)}") from None
    try:
        client.ehlo_or_helo_if_needed()
        _secure_and_sign_in(client, parts.username, parts.password, secure)
    except (OSError, smtplib.SMTPException) as error:
        _leave(client)
        raise Refused(f"The mail server {host} did not let us in: {_words(error)}") from None
    except Refused:
        _leave(client)
        raise
    return client


def _secure_and_sign_in(
    client: smtplib.SMTP, user: str | None, password: str | None, secure: bool
) -> None:
    """STARTTLS where it is offered, then the password, which never travels in the clear."""
    if not secure and client.has_extn("starttls"):
        # Without a password nothing is at stake but the mail itself, for which a server
        # with a home-made certificate is still better than none.
        context = ssl.create_default_context() if user else ssl._create_unverified_context()
        client.starttls(context=context)
        client.ehlo()
        secure = True
    if not user:
        return
    if not secure and client._host not in {"localhost", "127.0.0.1", "::1"}:  # type: ignore[attr-defined]
        raise Refused("The mail server offers no encryption, so the password was not sent.")
    client.login(unquote(user), unquote(password or ""))


def _expect(reply: tuple[int, bytes], what: str) -> None:
    code, answer = reply
    if code not in (250, 251):
        raise Refused(f"The {what} was refused: {_said(code, answer)}", permanent=code >= 500)


def _said(code: int, answer: bytes) -> str:
    return one_line(f"{code} {answer.decode('utf-8', 'replace')}", 300)


def _words(error: BaseException) -> str:
    return one_line(str(error) or type(error).__name__, 200)


def _leave(client: smtplib.SMTP) -> None:
    try:
        client.quit()
    except (OSError, smtplib.SMTPException):
        client.close()
