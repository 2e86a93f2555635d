from collections.abc import Callable, Iterator
from typing import Any

import pytest

from exchanger.kernel.contexts import Context
from exchanger.sandbox.server import serving
from web.configuration import WebConfiguration, forget_recent
from web.services.configuration import configuration_publish
from web.tests.cards import Sandbox
from web.tests.factories import DOCUMENT


@pytest.fixture
def publish(as_context: Any) -> Callable[..., WebConfiguration]:
    """``publish(spread="0")``: what an operator's process publishes, DOCUMENT with some keys changed."""
    versions = iter(range(1, 100))

    def publish(**changes: Any) -> WebConfiguration:
        with as_context("admin"):
            published = configuration_publish(version=next(versions), document=DOCUMENT | changes)
        forget_recent()
        return published

    return publish


@pytest.fixture
def sandbox(settings: Any, processes: Any) -> Iterator[Sandbox]:
    """A card processor on a port of its own, which calls the web process, and only when it is told to."""
    secret = settings.CARD_PROCESSOR_SECRET
    with serving(secret=secret, state=":memory:", calls_out=False) as (processor, url):
        settings.CARD_PROCESSOR_URL = url
        settings.PUBLIC_WEB_URL = processes[Context.WEB].url
        yield Sandbox(processor, url)
