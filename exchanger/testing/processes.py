"""Real processes of the applications, each with its own context's environment and nothing else, over real HTTP."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil

from exchanger.kernel.contexts import Context
from exchanger.kernel.http import trusted
from exchanger.local.environments import LocalEnvironments
from exchanger.local.paths import CHECKOUT

# How long a wait may be before it is a failure: many tests share few cores.
START_SECONDS = 120
STOP_SECONDS = 60
ANSWER_SECONDS = 30


class ApplicationProcess:
    """One application served by granian on a loopback port, one of its own where none is given.

    ``extra`` adds to its environment.
    """

    def __init__(
        self,
        context: Context,
        environments: LocalEnvironments,
        log: Path,
        *,
        application: str = "exchanger.wsgi:application",
        threads: int = 2,
        extra: Mapping[str, str] | None = None,
        port: int | None = None,
    ) -> None:
        self.port = port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "granian", "--interface", "wsgi", application,
                    "--host", "127.0.0.1", "--port", str(self.port), "--blocking-threads", str(threads), "--no-ws",
                ],
                env={**process_environment(context, environments), **(extra or {})},
                cwd=CHECKOUT,
                stdout=output,
                stderr=output,
            )  # fmt: skip
        self._wait()

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=ANSWER_SECONDS, verify=trusted(), **options)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=STOP_SECONDS)

    def kill(self) -> None:
        """End it with its worker as a crash of the machine would: no handler of theirs runs."""
        parent = psutil.Process(self.process.pid)
        parent.suspend()  # lest it start another worker meanwhile
        for child in parent.children(recursive=True):
            child.kill()
        self.process.kill()
        self.process.wait(timeout=STOP_SECONDS)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/healthz", verify=trusted()).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        if self.process.poll() is None:
            self.kill()
        raise RuntimeError(f"The process did not answer:\n{self.log.read_text()}")


class WorkerProcess:
    """``manage.py worker`` of one context, a process of its own."""

    def __init__(self, context: Context, environments: LocalEnvironments, log: Path, **variables: str) -> None:
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "worker"],
                env={**process_environment(context, environments), **variables},
                cwd=CHECKOUT,
                stdout=output,
                stderr=output,
            )

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=STOP_SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=STOP_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def process_environment(context: Context | None, environments: LocalEnvironments) -> dict[str, str]:
    """What a process of ``context`` runs with: its own file, and of ours only what is not a credential."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "REDIS_TIMEOUT") if name in os.environ}
    values = {**kept, **environments.for_process(context or ""), "PYTHONDONTWRITEBYTECODE": "1"}
    values.pop("STATIC_ROOT", None)
    return values
