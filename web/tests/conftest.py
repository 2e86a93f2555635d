from collections.abc import Callable
from typing import Any

import pytest

from web.configuration import WebConfiguration, forget_recent
from web.services.configuration import configuration_publish
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
