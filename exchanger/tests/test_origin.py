"""Where a request came from: the connection's own address, unless proxies that are trusted say otherwise."""

import pytest
from django.test import RequestFactory

from exchanger.kernel.origin import AGENT_LENGTH, Origin, origin_of

pytestmark = pytest.mark.context("web")


def origin(settings, proxies=0, **meta):
    settings.TRUSTED_PROXIES = proxies
    return origin_of(RequestFactory().get("/", **meta))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "198.51.100.1"),  # nobody is trusted, so the header is the client's own invention
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),  # the first is the client's invention
        (2, "10.0.0.1, 203.0.113.9, 192.0.2.7", "203.0.113.9"),
        (2, "203.0.113.9", "198.51.100.1"),  # one proxy was gone round
        (1, "", "198.51.100.1"),
        (1, "nonsense", "198.51.100.1"),
        (1, "2001:DB8:0::1", "2001:db8::1"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "fe80::1%eth0", "fe80::1"),  # PostgreSQL's inet knows no zones
        (-1, "203.0.113.9", "198.51.100.1"),
    ],
)
def test_the_address_is_as_many_places_from_the_end_as_there_are_proxies(settings, proxies, forwarded, address):
    assert origin(settings, proxies, REMOTE_ADDR="198.51.100.1", HTTP_X_FORWARDED_FOR=forwarded).address == address


def test_a_unix_socket_has_no_address(settings):
    assert origin(settings, REMOTE_ADDR="") == Origin(None, "")


def test_the_agent_is_cut_and_cannot_hold_what_postgresql_refuses(settings):
    assert origin(settings, HTTP_USER_AGENT="curl/8\0" + "x" * 1000).agent == "curl/8" + "x" * (AGENT_LENGTH - 6)
