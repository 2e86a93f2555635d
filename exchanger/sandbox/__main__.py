"""``python -m exchanger.sandbox --port 8003 --state FILE``, with CARD_PROCESSOR_SECRET in its environment."""

import argparse
import os
import signal
import sys
import threading

from exchanger.sandbox.server import serving

EX_CONFIG = 78


def main() -> int:
    parser = argparse.ArgumentParser(prog="exchanger.sandbox", description="A card processor that moves no money.")
    parser.add_argument("--port", type=int, default=8003)
    parser.add_argument("--state", default=":memory:", help="The SQLite file that it remembers in.")
    options = parser.parse_args()
    secret = os.environ.get("CARD_PROCESSOR_SECRET", "")
    if not secret:
        print("exchanger: CARD_PROCESSOR_SECRET is not set: set it to the web application's", file=sys.stderr)
        return EX_CONFIG
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with serving(secret=secret, state=options.state, port=options.port):
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
