"""A bank's web server for tests: real HTTP on a port of this machine, answering well or badly."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RECORDED = Path(__file__).with_name("recorded")
KINDS = {"json": "application/json; charset=utf-8", "xml": "text/xml"}

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Hands each request to the next answer of its path; the last one stays."""

    server: "Bank"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answers = self.server.answers[self.path.partition("?")[0]]
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def log_message(self, *args: object) -> None:
        """Tests print nothing."""


class Bank(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[str] = []
        self.closing = threading.Event()

    def url(self, path: str, *answers: Answer) -> str:
        """The address at which these answers are given, one after the other."""
        self.answers[path] = list(answers)
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that did not wait is what some tests are about."""


def body(content: bytes, kind: str = KINDS["json"], *, status: int = 200, length: int | None = None) -> Answer:
    def answer(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def recorded(name: str) -> Answer:
    return body((RECORDED / name).read_bytes(), KINDS[name.rpartition(".")[2]])


def silent(handler: Handler) -> None:
    """Takes the request and says nothing until the server closes."""
    handler.server.closing.wait()


def half(handler: Handler) -> None:
    """Begins to answer, and says no more until the server closes."""
    body(b"[{", length=1000)(handler)
    handler.wfile.flush()
    handler.server.closing.wait()


def trickle(handler: Handler) -> None:
    """A byte now and then, for ever: no single wait is long."""
    handler.send_response(200)
    handler.send_header("Content-Type", KINDS["json"])
    handler.end_headers()
    while not handler.server.closing.wait(0.02):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def hang_up(handler: Handler) -> None:
    handler.close_connection = True


@contextmanager
def bank() -> Iterator[Bank]:
    server = Bank()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
