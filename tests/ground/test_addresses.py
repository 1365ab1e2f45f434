"""Addresses as people are counted by them."""

import pytest

from app.domain.ground import texts


@pytest.mark.parametrize(
    ("text", "household"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        (None, ""),
        ("unix:", "unix:"),
    ],
)
def test_a_household_is_an_address_or_its_network(text, household):
    assert texts.household(text) == household


def test_callers_of_ipv4_at_a_listener_on_ipv6_are_not_one_household():
    first, second = (texts.household(f"::ffff:192.0.2.{n}") for n in (1, 2))
    assert first != second
