"""Mails over SMTP: one connection for as many as there are."""

import re
import smtplib
import ssl
from urllib.parse import unquote, urlsplit

from app.mails.mail import Mail, Refused, Unclear, one_line

TIMEOUT_S = 30.0
_GO_AHEAD = 354
_CLOSING = 421  # the server hangs up, often after so many mails (RFC 5321 section 3.8)


class SmtpPost:
    """One signed-in SMTP connection for many mails, opened anew where it is lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: smtplib.SMTP | None = None
        self._used = False  # whether the server has heard of a mail on this connection
        self._out_of_reach: Refused | None = None

    def address(self, mail: Mail) -> None:
        """Announce sender and recipient; a line that died since the last mail is opened anew."""
        fresh = self._client is None
        try:
            self._announce(mail)
        except (OSError, smtplib.SMTPException) as error:
            self.hang_up()
            if fresh:
                raise Refused(f"The mail server did not listen: {_words(error)}") from None
            self.address(mail)

    def _announce(self, mail: Mail) -> None:
        client = self._reached()
        options = []
        if mail.needs_utf8:
            if not client.has_extn("smtputf8"):
                raise Refused("The mail server cannot reach such an address.", permanent=True)
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        if self._used:
            # Whatever became of the mail before, its sender and recipient are forgotten.
            client.rset()
        answer = client.mail(mail.sender, options)
        if answer[0] == _CLOSING:
            raise smtplib.SMTPServerDisconnected(_said(*answer))
        self._used = True
        # Our own sender is the same for all mails; what only this one needs is its own trouble.
        _expect(answer, "sender", every=answer[0] >= 500 and not options)
        _expect(client.rcpt(mail.recipient), "recipient")

    def _reached(self) -> smtplib.SMTP:
        """The open connection; a server that could not be reached once is not tried again."""
        if self._out_of_reach is not None:
            raise self._out_of_reach
        if self._client is None:
            try:
                self._client = _connected(self._url)
            except Refused as error:
                self._out_of_reach = error
                raise
        return self._client

    def hang_up(self) -> None:
        """Take leave of the server, if it still listens."""
        if self._client is not None:
            _leave(self._client)
        self._client, self._used = None, False

    def deliver(self, mail: Mail) -> str:
        """Send the text; once the server has said to go ahead, a silence is unclear."""
        client = self._reached()
        try:
            code, answer = client.docmd("DATA")
        except (OSError, smtplib.SMTPException) as error:
            self.hang_up()
            raise Refused(f"The mail server went away: {_words(error)}") from None
        if code != _GO_AHEAD:
            raise Refused(_said(code, answer), permanent=code >= 500)
        try:
            client.send(re.sub(rb"(?m)^\.", b"..", mail.content) + b".\r\n")
            code, answer = client.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self.hang_up()
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
        raise _refused(f"The mail server {host}:{port} cannot be reached", error) from None
    try:
        client.ehlo_or_helo_if_needed()
        _secure_and_sign_in(client, parts.username, parts.password, secure)
    except (OSError, smtplib.SMTPException) as error:
        _leave(client)
        raise _refused(f"The mail server {host} did not let us in", error) from None
    except Refused:
        _leave(client)
        raise
    return client


def _refused(sentence: str, error: OSError | smtplib.SMTPException) -> Refused:
    code = error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0
    return Refused(f"{sentence}: {_words(error)}", permanent=code >= 500, every=True)


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
        sentence = "The mail server offers no encryption, so the password was not sent."
        raise Refused(sentence, permanent=True, every=True)
    client.login(unquote(user), unquote(password or ""))


def _expect(reply: tuple[int, bytes], what: str, *, every: bool = False) -> None:
    code, answer = reply
    if code not in (250, 251):
        sentence = f"The {what} was refused: {_said(code, answer)}"
        raise Refused(sentence, permanent=code >= 500, every=every)


def _said(code: int, answer: bytes) -> str:
    return one_line(f"{code} {answer.decode('utf-8', 'replace')}", 300)


def _words(error: BaseException) -> str:
    return one_line(str(error) or type(error).__name__, 200)


def _leave(client: smtplib.SMTP) -> None:
    try:
        client.quit()
    except (OSError, smtplib.SMTPException):
        client.close()
