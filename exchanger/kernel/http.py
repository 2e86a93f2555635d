"""Outgoing HTTP: what all clients of a process share."""

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """The authorities that a server's certificate is checked by, for every client's ``verify``.

    httpx reads them for each client anew, which takes 40 ms: more than all the rest of a call to the next machine.
    """
    return httpx.create_ssl_context()
