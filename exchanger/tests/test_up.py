"""``make up`` as a newcomer and as somebody whose machine died: the whole platform, from nothing."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import psutil
import pytest

from exchanger.demo.accounts import ACCOUNTS
from exchanger.kernel.contexts import Context
from exchanger.local.paths import CHECKOUT, LocalPaths
from exchanger.local.servers import LocalServers
from exchanger.local.supervisor import MARK
from exchanger.sandbox.cards import GOOD
from exchanger.sandbox.telegram.server import serving

READY_SECONDS = 120
# What is started in the background by a shell ignores Ctrl-C, with all its children: tests may be.
HEARS_CTRL_C = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory(prefix="exchanger-up-") as parent:  # where root's PostgreSQL gets to, too
        folder = Path(parent) / "a folder with spaces"
        yield folder
        LocalServers(LocalPaths(folder), quiet=True).stop()


@pytest.fixture(scope="module")
def port():
    """Four free ports in a row, below those that the system gives to whoever asks for any."""
    while True:
        port = random.randrange(20_000, 30_000)
        if all(is_free(port + number) for number in range(4)):
            return port


def is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Up:
    """A running ``manage.py up`` and what it has printed."""

    def __init__(self, folder, port, **variables):
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.folder = folder
        self.log = folder.parent / f"up-{time.monotonic_ns()}.log"
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", HEARS_CTRL_C, "manage.py", "up", "--port", str(port)],
                cwd=CHECKOUT,
                env={**environment, "EXCHANGER_LOCAL_DIR": str(folder), **variables},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def printed(self):
        return self.log.read_text()

    def wait_for(self, text):
        deadline = time.monotonic() + READY_SECONDS
        while text not in self.printed:
            assert time.monotonic() < deadline, self.printed
            assert self.process.poll() is None or text in self.printed, self.printed
            time.sleep(0.1)
        return self

    def interrupt(self):
        """Ctrl-C as a terminal sends it, to the whole group, by somebody who presses it again until all is stopped."""
        until_stopped = time.monotonic() + 30
        os.killpg(self.process.pid, signal.SIGINT)
        while servers(self.folder)[0] is not None:
            assert time.monotonic() < until_stopped, self.printed
            time.sleep(0.05)
            os.killpg(self.process.pid, signal.SIGINT)
        assert "Traceback" not in self.printed
        return self.process.wait(timeout=30)


def ours(folder):
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder):
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


def servers(folder):
    local = LocalServers(LocalPaths(folder))
    return local.postgres.pid(), local.valkey.pid()


def test_it_starts_from_nothing_tells_where_and_who_and_survives_being_killed(folder, port):
    up = Up(folder, port).wait_for("The platform is running")
    for number, context in enumerate(Context):
        assert httpx.get(f"http://127.0.0.1:{port + number}/readyz").json()["context"] == context
        assert f"http://127.0.0.1:{port + number}/" in up.printed
    assert httpx.get(f"http://127.0.0.1:{port + 3}/healthz").status_code == 200  # the card processor's sandbox
    for account in ACCOUNTS:
        assert re.search(rf"{account.email} +{account.password}", up.printed)
    assert "manage.py bot_console" in up.printed
    assert "send /newbot to @BotFather" in up.printed
    assert "telegram-sender" not in up.printed
    client = next(account for account in ACCOUNTS if account.email.startswith("client@"))
    answer = httpx.post(
        f"http://127.0.0.1:{port}/api/v1/auth/login",
        json={"email": client.email, "password": client.password, "transport": "bearer"},
    )
    key = answer.json()["session_key"]
    assert_pays_by_card(f"http://127.0.0.1:{port}/api/v1", {"Authorization": f"Bearer {key}"})
    up.process.kill()
    up.process.wait()
    assert len(ours(folder)) >= 7

    with serving(anybody=True) as telegram:
        again = Up(folder, port, TELEGRAM_BOT_TOKEN=telegram.token, TELEGRAM_API_URL=telegram.url)
        again.wait_for("The platform is running").wait_for("sending notifications as @exchanger_bot")
        assert re.search(r"Ended \d+ processes that an earlier run had left", again.printed)
        me = httpx.get(f"http://127.0.0.1:{port}/api/v1/auth/me", headers={"Authorization": f"Bearer {key}"})
        assert me.json()["email"] == client.email  # the session outlived the kill
        telegram.wait(lambda: any("ваш платіж надійшов" in message.text for message in telegram.messages))
        again.wait_for("talking as @exchanger_bot")
        telegram.say(telegram.join(7001), "/start")
        telegram.wait(lambda: any("Hello" in message.text for message in telegram.messages))
        assert again.interrupt() == 0
    assert ours(folder) == []
    assert servers(folder) == (None, None)


@pytest.mark.parametrize("begun", ["Creating the local PostgreSQL", "Starting the local PostgreSQL", "Migrating"])
def test_who_interrupts_the_first_start_is_left_with_no_server_and_no_traceback(begun, port):
    with tempfile.TemporaryDirectory(prefix="exchanger-up-") as parent:
        folder = Path(parent) / "local"
        assert Up(folder, port).wait_for(begun).interrupt() == 130
        assert servers(folder) == (None, None)


def assert_pays_by_card(api, headers):
    """A newcomer orders, pays on the sandbox's page, and the order is paid."""
    with httpx.Client(headers={**headers, "Idempotency-Key": "first"}) as client:
        order = client.post(f"{api}/orders/", json={"pair": "usd_uah", "from_amount": "100.00"})
        assert order.status_code == 201, order.text
        address = f"{api}/orders/{order.json()['id']}/"
        client.headers["Idempotency-Key"] = "second"
        payment = client.post(f"{address}payments/", json={"payment_method": "card"})
        assert payment.status_code == 201, payment.text
        link = urlsplit(payment.json()["instructions"]["checkout_url"])
        fields = {name: values[0] for name, values in parse_qs(link.query).items()}
        page = httpx.post(f"{link.scheme}://{link.netloc}/checkout", data={**fields, "card": GOOD.number})
        assert page.status_code == 200, page.text
        deadline = time.monotonic() + READY_SECONDS
        while client.get(address).json()["status"] != "paid":
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_taken_port_is_named_and_nothing_is_started(folder, port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port + 1))
        taken.listen()
        up = Up(folder, port)
        assert up.process.wait(timeout=READY_SECONDS) == 1, up.printed
    assert f"port {port + 1}, where the admin application would listen, is taken" in up.printed
    assert "Traceback" not in up.printed
    assert ours(folder) == []
    assert servers(folder) == (None, None)
