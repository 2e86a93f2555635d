"""A proxy before one of our own processes that can fail as networks and processes do, request by request."""

import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from exchanger.kernel.http import trusted

Forward = Callable[[], httpx.Response]
Fault = Callable[["FaultyProxy", Forward], httpx.Response | None]
"""Decides about one request: forwards it or not, and gives the answer; None closes the connection without one."""


def passes(proxy: "FaultyProxy", forward: Forward) -> httpx.Response | None:
    return forward()


def refused(proxy: "FaultyProxy", forward: Forward) -> httpx.Response | None:
    """The server is down: nothing arrives."""
    return None


def broken(proxy: "FaultyProxy", forward: Forward) -> httpx.Response | None:
    """The server answers 500, and nothing has arrived."""
    return httpx.Response(500)


def answer_lost(proxy: "FaultyProxy", forward: Forward) -> httpx.Response | None:
    """The request arrives and is done; its answer is not heard."""
    forward()
    return None


def held_before(proxy: "FaultyProxy", forward: Forward) -> httpx.Response | None:
    """Nothing arrives until the test says so; then the connection is closed."""
    proxy.hold()
    return None


def held_after(proxy: "FaultyProxy", forward: Forward) -> httpx.Response | None:
    """The request arrives and is done; its answer is held until the test says so, and lost."""
    forward()
    proxy.hold()
    return None


class FaultyProxy:
    """Forwards to ``target``. Each POST takes the next of ``faults``, and passes when there are none left; GETs pass.

    ``sent`` holds the bodies of POSTs in the order in which they came.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.faults: deque[Fault] = deque()
        self.sent: list[bytes] = []
        self.waiting = threading.Event()
        self.release = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                proxy._handle(self)

            def do_GET(self) -> None:
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                _answer(self, httpx.get(proxy.target + self.path, headers=headers, timeout=60, verify=trusted()))

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def hold(self) -> None:
        self.waiting.set()
        self.release.wait(timeout=60)

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.sent.append(body)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}

        def forward() -> httpx.Response:
            return httpx.post(self.target + request.path, content=body, headers=headers, timeout=60, verify=trusted())

        fault = self.faults.popleft() if self.faults else passes
        answer = fault(self, forward)
        if answer is None:
            request.close_connection = True
            return
        _answer(request, answer)


def _answer(request: BaseHTTPRequestHandler, answer: httpx.Response) -> None:
    request.send_response(answer.status_code)
    request.send_header("Content-Length", str(len(answer.content)))
    request.end_headers()
    request.wfile.write(answer.content)
