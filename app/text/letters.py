"""Receipts as letters: subject, text and HTML, rendered from a bill's own rows."""

from dataclasses import dataclass
from functools import partial

from flask import current_app
from markupsafe import Markup

from app.domain.ground.vocabulary import Json
from app.domain.money import receipts
from app.extensions import the_settings
from app.mails.mail import one_line
from app.models import Bill
from app.text.bill_text import in_words
from app.text.writers import Writer


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail without its envelope."""

    subject: str
    text: str
    html: str
    language: str


def receipt(bill: Bill, language: str) -> Letter:
    """Write a bill's receipt in a language; it tells the charger's name, not its identity."""
    writer = Writer(language, bill.facts["timezone"])
    driver = bill.driver
    values = {
        "bill": bill,
        "told": in_words(bill, writer, bill.session.station.identity),
        "name": one_line(driver.name, 120) if driver else "",
        "link": link(bill),
        "link_ends": writer.day(receipts.link_ends_at(bill, the_settings().receipt_page_days)),
        "language": writer.language,
    }
    return Letter(
        subject=one_line(_rendered("subject.txt", writer, values), 200),
        text=_rendered("body.txt", writer, values),
        html=_rendered("body.html", writer, values),
        language=writer.language,
    )


def link(bill: Bill) -> str:
    """The address of a bill's own page for its driver."""
    secret = receipts.write_link(the_settings().link_keys(), bill.id)
    return f"{the_settings().desk_url}/r/{secret}"


def _rendered(name: str, writer: Writer, values: Json) -> str:
    """A receipt's template: compiled once, and without what pages know of who asks for them."""
    say = _marked_up if name.endswith(".html") else _plain
    template = current_app.jinja_env.get_template(f"email/receipt/{name}")
    return template.render(values, _=partial(say, writer))


def _plain(writer: Writer, text: str, **values: object) -> str:
    return writer.translate(text) % values


def _marked_up(writer: Writer, text: str, **values: object) -> Markup:
    """The same as HTML; the values are escaped."""
    return Markup(writer.translate(text)) % values
