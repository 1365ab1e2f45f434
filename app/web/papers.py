"""Answers that are files for paper; what draws them is loaded when the first one is wanted."""

from flask import Response

from app.domain.money.statements import Statement
from app.models import Bill
from app.web.listing import attachment


def receipt(bill: Bill, language: str, hidden: str = "") -> Response:
    """A bill's receipt as a PDF in a language; `hidden` is the identity of an unnamed charger."""
    from app.text import receipt_pdf

    return pdf(receipt_pdf.receipt(bill, language, hidden), receipt_pdf.file_name(bill))


def statement(of: Statement) -> Response:
    """A driver's monthly statement as a PDF, in their language."""
    from app.text import receipt_pdf

    data = receipt_pdf.statement(of, of.driver.language)
    return pdf(data, f"statement-{of.driver.id}-{of.month}.pdf")


def pdf(data: bytes, name: str) -> Response:
    """A PDF that is kept as a file."""
    headers = {"Content-Disposition": attachment(name), "Cache-Control": "no-store"}
    return Response(data, mimetype="application/pdf", headers=headers)
