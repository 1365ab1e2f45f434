"""Receipts as letters: subject, text and HTML, rendered from a bill's own rows."""

from dataclasses import dataclass

from flask import render_template
from flask_babel import force_locale

from app.bill_text import told
from app.mail import one_line
from app.models import Bill
from app.writers import Writer


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail without its envelope."""

    subject: str
    text: str
    html: str
    language: str


def receipt(bill: Bill, language: str) -> Letter:
    """Write a bill's receipt in a language; the preview is the same letter."""
    writer = Writer(language, bill.facts["timezone"])
    driver = bill.session.driver
    values = {
        "bill": bill,
        "told": told(bill, writer),
        "name": one_line(driver.name, 120) if driver else "",
        "language": writer.language,
    }
    with force_locale(writer.language):
        return Letter(
            subject=one_line(render_template("email/receipt/subject.txt", **values), 200),
            text=render_template("email/receipt/body.txt", **values),
            html=render_template("email/receipt/body.html", **values),
            language=writer.language,
        )
