"""One answer of a provider, over HTTP: bounded in time and size, and asked for again where that may help."""

import time
from collections.abc import Iterator

import httpx
import tenacity

from exchanger.kernel.http import trusted
from web.feeds.answers import FeedError, WrongAnswer

MOST_BYTES = 2_000_000
ATTEMPTS = 3


class Unreachable(FeedError):
    """No answer in time, or one that says to come again: another attempt may succeed."""


def download(url: str, *, content_types: frozenset[str], timeout: float, pause: float = 0.5) -> bytes:
    """The body behind ``url``, in at most ATTEMPTS attempts of ``timeout`` seconds each, from end to end.

    ``pause`` is how long the first wait between attempts is, in seconds; each further one is twice as long.

    Raises:
        Unreachable: none of the attempts was answered.
        WrongAnswer: it was answered with another kind of content, another status or too much.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Unreachable),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_exponential_jitter(multiplier=pause, max=10, jitter=pause),
        reraise=True,
    )
    return retrying(_attempt, url, content_types, timeout)


def _attempt(url: str, content_types: frozenset[str], timeout: float) -> bytes:
    deadline = time.monotonic() + timeout
    try:
        with (
            httpx.Client(timeout=timeout, follow_redirects=False, verify=trusted()) as client,
            client.stream("GET", url, headers={"Accept": ", ".join(sorted(content_types))}) as response,
        ):
            _check(response, content_types)
            return b"".join(_bounded(response, deadline))
    except httpx.TransportError as error:
        raise Unreachable(f"no answer ({type(error).__name__})") from error
    except httpx.HTTPError as error:
        raise WrongAnswer(f"an answer that HTTP does not allow ({type(error).__name__})") from error


def _check(response: httpx.Response, content_types: frozenset[str]) -> None:
    if response.status_code >= 500 or response.status_code == 429:
        raise Unreachable(f"status {response.status_code}")
    if response.status_code != 200:
        raise WrongAnswer(f"status {response.status_code}")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in content_types:
        raise WrongAnswer(f"content of type {kind or 'none'}")


def _bounded(response: httpx.Response, deadline: float) -> Iterator[bytes]:
    """The body's pieces; a time-out of httpx is for each read, so a slow trickle is stopped here."""
    size = 0
    for piece in response.iter_bytes():
        size += len(piece)
        if size > MOST_BYTES:
            raise WrongAnswer(f"more than {MOST_BYTES} bytes")
        if time.monotonic() > deadline:
            raise Unreachable("an answer too slow to wait for")
        yield piece
