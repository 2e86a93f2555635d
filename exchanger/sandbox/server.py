"""The processor on a port of this machine, a thread a request, and one that calls out."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from exchanger.sandbox.application import Application
from exchanger.sandbox.books import Books
from exchanger.sandbox.processor import Processor

CALL_EVERY_SECONDS = 0.5


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = False  # a request under way is answered before the end


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Only what goes wrong is told, by the processor itself."""


@contextmanager
def serving(*, secret: str, state: str, port: int = 0, calls_out: bool = True) -> Iterator[tuple[Processor, str]]:
    """Serve inside the block: the processor and its address. Port 0 is any that is free.

    With ``calls_out`` false it calls only when ``Processor.deliver`` is called.
    """
    books = Books(state)
    processor = Processor(books, secret)
    server = make_server("127.0.0.1", port, Application(processor), server_class=_Server, handler_class=_Quiet)
    closing = threading.Event()
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,))]
    if calls_out:
        threads.append(threading.Thread(target=_call_out, args=(processor, closing)))
    for thread in threads:
        thread.start()
    try:
        yield processor, f"http://127.0.0.1:{server.server_port}"
    finally:
        closing.set()
        server.shutdown()
        for thread in threads:
            thread.join()
        server.server_close()
        books.close()


def _call_out(processor: Processor, closing: threading.Event) -> None:
    while not closing.wait(CALL_EVERY_SECONDS):
        processor.deliver()
