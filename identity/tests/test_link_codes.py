"""Codes are what people can type, and addresses are masked so that only their owner knows them."""

import pytest

from identity.link_codes import code_hash, make_code, read_code
from identity.masking import mask_email


def test_codes_are_sixty_bits_of_symbols_that_nobody_confuses():
    codes = {make_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert {len(code) for code in codes} == {12}
    assert set("".join(codes)) == set("23456789ABCDEFGHJKLMNPQRSTUVWXYZ")


@pytest.mark.parametrize("typed", ["ABCD2345EFGH", "abcd-2345-efgh", " abcd 2345\nefgh "])
def test_a_code_is_read_however_it_is_typed(typed):
    assert read_code(typed) == "ABCD2345EFGH"


@pytest.mark.parametrize("typed", ["", "\0", "x" * 10_000, "\ud800", "код"])
def test_whatever_is_sent_has_a_hash_of_its_own(typed):
    assert len(code_hash(read_code(typed))) == 64


@pytest.mark.parametrize(
    ("email", "masked"),
    [
        ("anna@example.com", "a***@e***.com"),
        ("a@e.com", "a***@e***.com"),
        ("anna.petrenko+bank@mail.example.co.uk", "a***@m***.uk"),
        ("anna@localhost", "a***@l***"),
    ],
)
def test_a_mask_shows_first_letters_and_no_lengths(email, masked):
    assert mask_email(email) == masked
