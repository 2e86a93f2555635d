"""What a person sees of the panel, and what their browser complains of meanwhile."""

import os
import shutil
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

# A violation of the policy is told by the browser as an event too, whatever becomes of its line in the console.
_TELL = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  const { effectiveDirective, blockedURI, sourceFile, lineNumber, sample } = event;
  window.violations.push(`${effectiveDirective} ${blockedURI} ${sourceFile}:${lineNumber} ${sample}`);
});
"""


WAIT_SECONDS = 15


def chromium_path() -> str | None:
    """The browser that is installed here, if any."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def chromium_arguments() -> list[str]:
    """Chromium has no sandbox for root."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []


class Look:
    """One window. ``complaints`` are errors in the console, exceptions, violations and answers of 400 and more."""

    def __init__(self, chromium: Any, url: str, **options: Any) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.context = chromium.new_context(base_url=url, **options)
        self.context.add_init_script(_TELL)
        self.context.set_default_timeout(WAIT_SECONDS * 1000)
        self.page = self.context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))
        self.page.on("response", self._response)

    def session(self, cookie: str, key: str) -> None:
        self.context.add_cookies([{"name": cookie, "value": key, "url": self.url}])

    def open(self, path: str) -> Any:
        """Go there, and wait until the page has loaded and its scripts have run."""
        self.page.goto(path, wait_until="load")
        self.settle()
        return self.page

    def settle(self) -> None:
        self.page.wait_for_load_state("networkidle")
        self.complaints += [f"{self.page.url}: {found}" for found in self.page.evaluate("window.violations.splice(0)")]

    def close(self) -> None:
        self.settle()
        self.context.close()

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")

    def _response(self, response: Any) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")
