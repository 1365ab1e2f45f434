"""Mails: composed here, and handed to a `Post`: over SMTP, or as files that the desk shows.

What can fail without a mail having left (no server, a refused address) fails in
`address`, before the caller claims the mail; `deliver` hands it over.  The
outcome is one of three: it returns what the server said, it raises `Refused`
(certainly not taken) or `Unclear` (perhaps taken).

Files that name a driver who is forgotten go; the mail server keeps none.
"""

import base64
import binascii
import mimetypes
import os
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from email import charset, message_from_bytes, policy
from email.header import Header
from email.headerregistry import Address
from email.utils import format_datetime, getaddresses, parseaddr
from functools import lru_cache
from pathlib import Path
from textwrap import wrap
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.config import Settings
from app.models import Bill, Forgetting, Receipt

NAME_MOST = 80
SUBJECT_MOST = 200


class Refused(Exception):
    """The mail was certainly not taken; `permanent`: trying again is no use.

    `every`: the server takes no mail at all, whatever is in it and to whomever it goes.
    """

    def __init__(self, sentence: str, *, permanent: bool = False, every: bool = False) -> None:
        super().__init__(sentence)
        self.permanent, self.every = permanent, every


class Unclear(Exception):
    """The mail may or may not have been taken."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it goes out; `message_id` is without brackets, `content` has CRLF line ends."""

    sender: str
    recipient: str
    message_id: str
    at: datetime
    content: bytes

    @property
    def needs_utf8(self) -> bool:
        """Whether only a server with SMTPUTF8 can take it (RFC 6531)."""
        return not (self.sender + self.recipient).isascii()


class Post(Protocol):
    """A post office; one mail after another is addressed and then delivered, or left."""

    def address(self, mail: Mail) -> None:
        """Announce sender and recipient; raises Refused."""

    def deliver(self, mail: Mail) -> str:
        """Hand the mail over; returns what was answered, raises Refused or Unclear."""


def one_line(text: str, most: int) -> str:
    """A text that is safe and short enough for a header: no control characters, one line."""
    if not text.isprintable():
        text = "".join(
            " " if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} else char for char in text
        )
    return re.sub(r"\s+", " ", text).strip()[:most].strip()


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
    file: tuple[str, bytes] | None = None,
) -> Mail:
    """Build a mail, with a file and its name if it has one; raises Refused for no address.

    Names and subjects are cut to one short line, so that nothing that a charger
    or a person typed can add a header.  `message_id` comes without brackets.
    """
    from_ = _sender(settings.mail_from)
    to, own_id, at = _address(name, recipient), one_line(message_id, 200), now.astimezone(UTC)
    utf8 = not (from_.addr_spec + to.addr_spec).isascii()
    # Only these need the rules of headers; the others are plain words of our own.
    head = [
        _from(utf8, settings.mail_from),
        _header(utf8, "To", to),
        _subject(one_line(subject, SUBJECT_MOST)),
        f"Date: {format_datetime(at)}\r\nMessage-ID: <{own_id}>\r\n".encode(),
        b"Auto-Submitted: auto-generated\r\n",
        f"Content-Language: {language}\r\nMIME-Version: 1.0\r\n".encode(),
    ]
    body = _body(text, html)
    content = b"".join([*head, body if file is None else _with_file(body, *file)])
    return Mail(from_.addr_spec, to.addr_spec, own_id, at, content)


@lru_cache(4)
def _sender(mail_from: str) -> Address:
    """Who sends, as the settings say."""
    try:
        return _address(*parseaddr(mail_from))
    except Refused:
        # A slip in the settings is put right some day; the mails wait for it.
        raise Refused("AMPDESK_MAIL_FROM holds no e-mail address.") from None


@lru_cache(4)
def _from(utf8: bool, mail_from: str) -> bytes:
    return _header(utf8, "From", _sender(mail_from))


#: A header of few words that need no quotes, and perhaps the address that they name: as it is told.
_PLAIN = re.compile(r"\w+:( \w+)+( <[\w.+-]+@[\w.-]+>)?|\w+: \w[\w.+-]*@[\w.-]+", re.ASCII)
_ONE_LINE = 76


_LETTERS = charset.Charset("utf-8")
_LETTERS.header_encoding = charset.SHORTEST


def _subject(text: str) -> bytes:
    """The subject; the rules would begin one of 68 to 76 letters with an empty line.

    Some programs show none then.  And between encoded words the rules lose blanks.
    """
    if text.isascii() and "=?" not in text:
        lines = wrap(
            text, _ONE_LINE, initial_indent="Subject: ", subsequent_indent=" ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        return "\r\n".join([*(lines or ["Subject:"]), ""]).encode()
    coded = Header(text, _LETTERS, _ONE_LINE, "Subject").encode(linesep="\r\n")
    return f"Subject: {coded}\r\n".encode()


def _header(utf8: bool, name: str, value: Address | str) -> bytes:
    """A header, folded and encoded as RFC 5322 and 2047 ask for."""
    line = f"{name}: {value}"
    if len(line) <= _ONE_LINE and _PLAIN.fullmatch(line):
        return f"{line}\r\n".encode()  # the rules would leave it as it is
    rules = policy.SMTPUTF8 if utf8 else policy.SMTP
    return rules.fold_binary(*rules.header_store_parse(name, value))


def _body(text: str, html: str | None) -> bytes:
    """The text, and beside it the same as HTML (RFC 2046 section 5.1.4)."""
    if html is None:
        return _part("plain", text)
    # Quoted-printable text never holds "=_" (RFC 2045 section 6.7).
    parts = (b"--=_ampdesk\r\n" + _part(*each) for each in (("plain", text), ("html", html)))
    head = b'Content-Type: multipart/alternative; boundary="=_ampdesk"\r\n\r\n'
    return head + b"".join(parts) + b"--=_ampdesk--\r\n"


#: What a mail server takes, as a rule, before it is written in letters.
FILE_MOST = 10_000_000


def _with_file(body: bytes, name: str, data: bytes) -> bytes:
    """A body with a file of ours beside it (RFC 2046 section 5.1.3); neither holds "=_"."""
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    head = (
        f'Content-Type: {kind}\r\nContent-Disposition: attachment; filename="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    letters = base64.encodebytes(data).replace(b"\n", b"\r\n")
    mixed = b'Content-Type: multipart/mixed; boundary="=_ampdesk_file"\r\n\r\n'
    parts = (body, head.encode() + letters)
    between = b"--=_ampdesk_file\r\n"
    return mixed + b"".join(between + part for part in parts) + b"--=_ampdesk_file--\r\n"


def _part(kind: str, text: str) -> bytes:
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\n'
    head += "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    plain = b"\r\n".join([*text.encode("utf-8", "replace").splitlines(), b""])
    return head.encode() + binascii.b2a_qp(plain)


def sender_domain(settings: Settings) -> str:
    """The domain that mails come from; completes their Message-IDs."""
    return _domain_of(settings.mail_from)


@lru_cache(4)
def _domain_of(mail_from: str) -> str:
    domain = parseaddr(mail_from)[1].rpartition("@")[2].lower()
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


def mail_folder(settings: Settings) -> Path:
    """Where mails go that are not sent by SMTP."""
    return settings.data_dir / "mail"


class FilePost:
    """Writes each mail to a file of its own, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def address(self, mail: Mail) -> None:
        """Make the folder; raises Refused when that is impossible."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refused(f"The mail folder cannot be made: {error.strerror}.") from None

    def deliver(self, mail: Mail) -> str:
        """Write the file under its final name only when it is complete."""
        moment = mail.at.strftime("%Y%m%dT%H%M%S")
        target = self.folder / f"{moment}-{_slug(mail.message_id)}.eml"
        partial = self.folder / f".{target.name}.{os.getpid()}"
        try:
            with partial.open("wb") as file:
                file.write(mail.content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise Refused(f"The mail cannot be written: {error.strerror}.") from None
        return f"written to {target.name}"


def _slug(message_id: str) -> str:
    """A Message-ID as the name of its file holds it."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", message_id)[:100].strip(".-")


def remove_files(folder: Path, addresses: Collection[str], message_ids: Collection[str]) -> int:
    """Remove mails that were written to files: those to or of an address, and by their ids.

    Returns how many.  What cannot be read as a mail stays.
    """
    wanted = {address.casefold() for address in addresses}
    slugs = {_slug(one) for one in message_ids}
    found = 0
    for path in folder.glob("*.eml") if folder.is_dir() else ():
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        headers = [str(mail.get(name, "")) for name in ("To", "Reply-To")]
        people = {address.casefold() for _, address in getaddresses(headers)}
        if path.stem.partition("-")[2] in slugs or wanted & people:
            path.unlink(missing_ok=True)
            found += 1
    return found


def remove_mails_of(db: Session, settings: Settings, number: int) -> int:
    """Remove the mails to and of a driver, before the words that they are known by are gone.

    They are known by the address that the driver had last, and by the receipts of their bills,
    wherever these went.  Returns how many.
    """
    row = db.get(Forgetting, number)
    if row is None or row.done_at is not None:
        return 0
    ids = (
        select(Receipt.message_id)
        .join(Bill, Receipt.bill_id == Bill.id)
        .where(Bill.driver_id == row.driver_id, Receipt.message_id.is_not(None))
    )
    addresses = [word for word in row.words if "@" in word]
    return remove_files(mail_folder(settings), addresses, [one for one in db.scalars(ids) if one])
