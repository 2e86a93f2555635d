"""Amounts as operators read them."""

import pytest

from admin_panel.panel.money import amount_text, received_text


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("1234567.50000000", "1,234,567.50"), ("0.00000001", "0.00000001"), ("100", "100.00"), ("1E+2", "100.00")],
)
def test_an_amount_has_the_decimals_that_it_needs_and_two_at_least(amount, shown):
    assert amount_text(amount) == shown


@pytest.mark.parametrize(
    ("amount", "code", "shown"),
    [
        ("83240.0353076", "UAH", "83,240.03 UAH"),
        ("83240.0353076", "BTC", "83,240.0353076 BTC"),
        ("0.123456789", "BTC", "0.12345678 BTC"),
        ("7.999", "JPY", "7.00 JPY"),
        ("1.234567", "XYZ", "1.234567 XYZ"),
    ],
)
def test_what_clients_received_has_no_part_below_the_minor_unit(amount, code, shown):
    assert received_text(amount, code) == shown
