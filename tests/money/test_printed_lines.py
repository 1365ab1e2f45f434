"""Whoever multiplies what a receipt prints gets what it prints."""

import re
from decimal import Decimal

from babel.numbers import parse_decimal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.money.tariffs import Component, Kind, Tariff, Usage, price, to_minor
from app.models import Bill, BillLine
from app.text.bill_text import line_in_words
from app.text.writers import DeskWriter, Writer
from tests.money.test_tariffs_properties import tariffs, usages
from tests.support.chance import tries

TIME = st.builds(
    Tariff,
    st.sampled_from(["EUR", "JPY", "KWD"]),
    st.builds(
        Component, st.just(Kind.CONNECTED_TIME), st.decimals(0, 10, places=5)
    ).map(lambda component: (component,)),
)  # fmt: skip


def figure(text: str, locale: str) -> Decimal:
    """The number in a printed quantity or price, whatever its unit."""
    found = re.search(r"[\d.,\u00a0]+", text)
    assert found, text
    return parse_decimal(found[0].replace("\u00a0", ""), locale=locale)


@given(st.one_of(TIME, tariffs()), usages())
@settings(max_examples=tries(150), deadline=None, suppress_health_check=list(HealthCheck))
def test_quantity_times_price_is_the_line(app, rates: Tariff, session: Usage):
    quote = price(rates, session)
    bill = Bill(currency=rates.currency, facts={"tax_mode": rates.tax_mode.value})
    writers = (
        (Writer("en", "UTC"), "en_GB"), (Writer("de", "UTC"), "de_DE"), (DeskWriter("UTC"), "en_GB")
    )  # fmt: skip
    for line in quote.lines:
        if not line.unit:
            continue
        row = BillLine(
            kind=line.kind, label=line.label[0], parameters=line.label[1], quantity=line.quantity,
            unit=line.unit, unit_price=line.unit_price, tax_percent=line.tax_percent,
            net_minor=line.net_minor, gross_minor=line.gross_minor, evidence={"parts": []},
        )  # fmt: skip
        for writer, locale in writers:
            said = line_in_words(bill, row, writer, session.started_at)
            cost = figure(said.quantity, locale) * figure(said.unit_price, locale)
            minor = to_minor(cost, rates.currency)
            assert writer.money(minor, rates.currency) == said.amount, said
