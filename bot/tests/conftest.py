from collections.abc import Callable
from typing import Any

import pytest

from bot.configuration import BotConfiguration, forget_recent
from bot.services.configuration import configuration_publish


@pytest.fixture
def publish(as_context: Any) -> Callable[..., BotConfiguration]:
    """``publish(maintenance_mode=True)``: what an operator's process publishes; what is left out is the code's own."""
    versions = iter(range(1, 100))

    def publish(**document: Any) -> BotConfiguration:
        with as_context("admin"):
            published = configuration_publish(version=next(versions), document=document)
        forget_recent()
        return published

    return publish
