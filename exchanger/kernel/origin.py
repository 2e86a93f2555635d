"""Where a request came from: the client's address and its program, as a session and the audit trail record them."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest

AGENT_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Origin:
    """``address`` is an IP address in its shortest form, None where the server has none (a unix socket)."""

    address: str | None = None
    agent: str = ""


def origin_of(request: HttpRequest) -> Origin:
    """The origin of a request.

    Each of the ``TRUSTED_PROXIES`` proxies appends the address that it was called from to X-Forwarded-For, so the
    client's is that many places from the end; whatever stands before it the client may have written itself. With no
    proxy the header is not looked at. A chain that is shorter than it should be, or not of addresses, did not come
    through the proxies: the address is then the one that the connection came from.
    """
    remote = _address(request.META.get("REMOTE_ADDR", ""))
    hops = settings.TRUSTED_PROXIES
    if hops > 0:
        chain = request.headers.get("X-Forwarded-For", "").split(",")
        if len(chain) >= hops:
            remote = _address(chain[-hops]) or remote
    return Origin(remote, request.headers.get("User-Agent", "").replace("\0", "")[:AGENT_LENGTH])


def _address(text: str) -> str | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or IPv6Address(int(address))  # without a zone (%eth0): inet has none
    return str(address)
