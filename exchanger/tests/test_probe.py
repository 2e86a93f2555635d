"""The container's health check: it asks as a host that the process answers to, and fails on anything but 200."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import Client

from exchanger import probe
from exchanger.kernel.contexts import Context
from exchanger.testing.configuration import process
from exchanger.testing.production import production_environment

HOSTS = "web.exchanger.example,other.example"


class Answers(BaseHTTPRequestHandler):
    """200 to /healthz for the right host, 400 for another, 503 to the rest."""

    def do_GET(self) -> None:
        status = 503 if self.path != "/healthz" else 200 if self.headers["Host"] == HOSTS.split(",")[0] else 400
        self.send_response(status)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("GRANIAN_PORT", str(server.server_port))
        monkeypatch.setenv("ALLOWED_HOSTS", HOSTS)
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_process_that_answers_is_healthy(port: int) -> None:
    assert probe.main([]) == 0


def test_another_status_is_not_healthy(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main(["/readyz"]) == 1
    assert capsys.readouterr().err == "/readyz answered 503\n"


def test_the_wrong_host_is_refused(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "elsewhere.example")
    assert probe.main([]) == 1


def test_a_port_that_nobody_listens_on_is_not_healthy(
    port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as closed:
        free = closed.server_port
    monkeypatch.setenv("GRANIAN_PORT", str(free))
    assert probe.main([]) == 1
    assert capsys.readouterr().err == "/healthz did not answer (ConnectionRefusedError)\n"


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ("a.example,b.example", "a.example"),
        (".example.com", "example.com"),
        (" a.example ", "a.example"),
        ("", "localhost"),
    ],
)
def test_the_host_is_the_first_that_is_allowed(monkeypatch: pytest.MonkeyPatch, hosts: str, expected: str) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", hosts)
    assert probe.host() == expected


@pytest.mark.parametrize("context", list(Context))
@pytest.mark.parametrize("hosts", [HOSTS, ".exchanger.example"])
def test_every_application_answers_the_probes_host_and_not_its_address(context: Context, hosts: str) -> None:
    with process({**production_environment(context), "ALLOWED_HOSTS": hosts}):
        assert Client().get("/healthz", headers={"host": probe.host()}).status_code == 200
        assert Client().get("/healthz", headers={"host": "127.0.0.1:8000"}).status_code == 400
