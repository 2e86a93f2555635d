"""A real Chromium at the panel, which a process of the operators' application serves with the files as collected."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from admin_panel.tests.browser.look import NAMES, Look, chromium_arguments, chromium_path
from admin_panel.tests.conftest import passed_session
from exchanger.kernel.contexts import Context
from exchanger.testing.processes import ApplicationProcess
from identity.models import User
from identity.tests.factories import UserFactory

DESK = {"width": 1440, "height": 1000}


def pytest_collection_modifyitems(items):
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    if reason := _why_not():
        for item in here:
            item.add_marker(pytest.mark.skip(reason=reason))


def _why_not() -> str | None:
    if os.environ.get("CI"):
        return "No browser is started in CI."
    if not chromium_path():
        return f"No browser is found: install Chromium, or any of {', '.join(NAMES)}."
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "Playwright is not installed: make browser installs it and runs these tests."
    return None


@pytest.fixture(scope="package")
def chromium(servers):
    """Not longer than these tests: Playwright keeps an event loop in this thread, which Django takes for async code."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=chromium_arguments())
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
            yield browser
        browser.close()


@pytest.fixture(scope="package")
def panel(servers, tmp_path_factory) -> Iterator[ApplicationProcess]:
    """The operators' application as it runs in production: files with the names that their content gives them."""
    static = tmp_path_factory.mktemp("static")
    storages = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    with override_settings(STATIC_ROOT=str(static), STORAGES=storages):
        call_command("collectstatic", interactive=False, verbosity=0)
    process = ApplicationProcess(
        Context.ADMIN,
        servers.environments,
        servers.paths.logs / "panel.log",
        threads=4,
        extra={"STATIC_ROOT": str(static), "OPERATORS_SECOND_FACTOR": "true"},
    )
    yield process
    process.stop()


@pytest.fixture
def boss(world) -> User:
    return UserFactory(email="boss@example.com", permissions={"admin": ["*"]})


@pytest.fixture
def look(chromium, panel, world) -> Iterator[Look]:
    """A browser of nobody yet. Whatever it complains of fails the test at its end."""
    look = Look(chromium, panel.url, viewport=DESK)
    yield look
    look.close()
    assert look.complaints == []


@pytest.fixture
def operator(look, boss) -> Look:
    """The browser of an operator who is logged in, and has given a code just now."""
    look.session(settings.SESSION_COOKIE_NAME, passed_session(boss))
    return look
