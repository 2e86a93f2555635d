"""A process of one context in the tests that take processes step by step (``exchanger.tests.lockstep``).

It is started with its context's environment alone. A child does the work, so that a test may kill it: its parent makes
another, which costs a fork and not a start of Django.
"""

import os
import sys
import traceback
from contextlib import ExitStack
from importlib import import_module
from multiprocessing.connection import Connection

OVER = 75  # exit status of a child whose test has ended


def serve(link: Connection) -> None:
    """Do the pieces that the test asks for, one after the other."""
    from django.db import connections

    from identity.tests.session_pieces import PIECES, Pieces

    identity = connections["identity"]
    identity.ensure_connection()
    link.send((os.getpid(), identity.connection.info.backend_pid))
    pieces = Pieces()

    def stop(execute, sql, params, many, context):
        link.send(("at", (" ".join(str(sql).split())[:70], identity.in_atomic_block)))
        link.recv()
        return execute(sql, params, many, context)

    while True:
        name, arguments, stops = link.recv()
        with ExitStack() as stack:
            if stops:
                stack.enter_context(identity.execute_wrapper(stop))
            try:
                said = ("done", PIECES[name](pieces, *arguments))
            except EOFError:
                raise
            except Exception:
                said = ("failed", traceback.format_exc())
        link.send(said)


def main() -> None:
    import django

    django.setup()
    import_module("identity.tests.session_pieces")  # once, and not in each child
    link = Connection(int(sys.argv[1]))
    while True:
        child = os.fork()
        if child == 0:
            try:
                serve(link)
            except (EOFError, BrokenPipeError):  # the test has ended
                os._exit(OVER)
            except BaseException:
                traceback.print_exc()
            os._exit(1)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return


if __name__ == "__main__":
    main()
