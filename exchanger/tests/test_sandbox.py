"""The card processor's sandbox as a program of its own: signed links, guarded API, and a memory of what it did."""

import base64
import hmac
import json
import os
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx
import pytest

from exchanger.kernel.signing import is_signed
from exchanger.local.paths import CHECKOUT
from exchanger.sandbox import cards
from exchanger.sandbox.server import serving
from exchanger.testing.waiting import until

SECRET = "the merchant's and the processor's"
NOBODY = "http://127.0.0.1:1/"
BEARER = {"Authorization": f"Bearer {SECRET}"}
WAIT_SECONDS = 60


@pytest.fixture
def served(tmp_path):
    with serving(secret=SECRET, state=str(tmp_path / "state"), calls_out=False) as (processor, url):
        yield processor, url


def link(payment_id="p-1", secret=SECRET, callback_url=NOBODY):
    wanted = {"payment_id": payment_id, "amount": "100.00", "currency": "USD", "callback_url": callback_url}
    data = base64.urlsafe_b64encode(json.dumps(wanted).encode()).decode()
    return {"data": data, "signature": hmac.new(secret.encode(), data.encode(), "sha256").hexdigest()}


def pay(url, card=cards.GOOD, **of):
    return httpx.post(f"{url}/checkout", data={**link(**of), "card": card.number})


def refund(url, key="r-1", headers=BEARER, **changes):
    wanted = {"payment_id": "p-1", "amount": "100.00", "currency": "USD"} | changes
    return httpx.post(f"{url}/refunds", json=wanted, headers={**headers, **({"Idempotency-Key": key} if key else {})})


def test_a_link_that_the_merchant_did_not_sign_leads_nowhere(served):
    processor, url = served
    assert httpx.get(f"{url}/checkout", params=link(secret="another")).status_code == 400
    assert pay(url, secret="another").status_code == 400
    assert httpx.get(f"{url}/checkout").status_code == 400
    assert httpx.post(f"{url}/checkout", data={**link(), "card": "1"}).status_code == 400
    assert httpx.post(f"{url}/checkout", content=b"\xff").status_code == 400
    assert processor.charge("p-1") is None


@pytest.mark.parametrize("path", ["/checkout", "/refunds"])
@pytest.mark.parametrize("length", ["many", "-1", "2\u00b2", "9" * 5000], ids=["word", "negative", "power", "long"])
def test_a_body_without_a_length_that_can_be_read_is_none(length, path, served):
    _, url = served
    headers = {**BEARER, "Idempotency-Key": "r-1", "Content-Length": length}
    connection = HTTPConnection(urlsplit(url).netloc, timeout=WAIT_SECONDS)  # httpx sends no such thing
    connection.request("POST", path, headers=headers)
    assert connection.getresponse().status == 400
    connection.close()


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer another"}, {"Authorization": SECRET}])
def test_the_api_is_the_merchants_alone(headers, served):
    processor, url = served
    pay(url)
    assert httpx.get(f"{url}/charges/p-1", headers=headers).status_code == 401
    assert refund(url, headers=headers).status_code == 401
    assert processor.books.refunds("p-1") == []


def test_what_is_not_there(served):
    _, url = served
    for path in ("/", "/charges/p-2", "/refunds"):
        assert httpx.get(f"{url}{path}", headers=BEARER).status_code == 404
    assert httpx.get(f"{url}/healthz").status_code == 200


def test_a_refund_is_done_once_for_its_key_and_never_beyond_the_charge(served):
    processor, url = served
    assert refund(url).status_code == 404
    pay(url)
    assert refund(url, amount="100.01").status_code == 422
    assert refund(url, currency="EUR").status_code == 422
    assert refund(url, key="").status_code == 400
    assert refund(url, amount="much").status_code == 400
    assert refund(url, amount="0.00").status_code == 422
    assert refund(url, amount="-1.00").status_code == 422
    first, again = refund(url, amount="70.00"), refund(url, amount="70.00")
    assert (first.status_code, again.json()) == (201, first.json())
    assert refund(url, amount="60.00").status_code == 409
    assert refund(url, key="r-2", amount="30.01").status_code == 422
    assert refund(url, key="r-2", amount="30.00").status_code == 201
    assert [kept["amount"] for kept in processor.books.refunds("p-1")] == ["70.00", "30.00"]


def test_it_remembers_in_its_file(tmp_path):
    state = str(tmp_path / "state")
    with serving(secret=SECRET, state=state, calls_out=False) as (_, url):
        pay(url)
        charge = httpx.get(f"{url}/charges/p-1", headers=BEARER).json()
    with serving(secret=SECRET, state=state, calls_out=False) as (processor, url):
        assert httpx.get(f"{url}/charges/p-1", headers=BEARER).json() == charge
        assert len(processor.books.calls(time.time())) == 1


def test_a_call_that_nobody_hears_for_months_is_still_made():
    with serving(secret=SECRET, state=":memory:", calls_out=False) as (processor, url):
        pay(url)
        [(number, *_)] = processor.books.calls(time.time())
        for _ in range(1100):
            processor.books.put_off(number, 0)
        assert processor.deliver() == 0
        assert len(processor.books.calls(time.time() + 3601)) == 1


class Merchant(ThreadingHTTPServer):
    """Takes calls; refuses the first."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.calls = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.calls.append((body, self.headers["X-Timestamp"], self.headers["X-Signature"]))
            self.send_response(503 if len(self.server.calls) == 1 else 200)
            self.end_headers()

        def log_message(self, *args):
            """Tests print nothing."""


@pytest.fixture
def merchant():
    with Merchant() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_as_a_program_it_calls_until_it_is_heard_and_ends_when_told(tmp_path, merchant):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    program = [sys.executable, "-m", "exchanger.sandbox", "--port", str(port), "--state", str(tmp_path / "state")]
    environment = {"PATH": os.environ["PATH"], "CARD_PROCESSOR_SECRET": SECRET}
    process = subprocess.Popen(program, cwd=CHECKOUT, env=environment)
    try:
        until(lambda: answers(url), seconds=WAIT_SECONDS)
        pay(url, callback_url=f"http://127.0.0.1:{merchant.server_port}/")
        until(lambda: len(merchant.calls) == 2, seconds=WAIT_SECONDS)
    finally:
        process.terminate()
        assert process.wait(timeout=WAIT_SECONDS) == 0
    (first, *_), (body, timestamp, signature) = merchant.calls
    assert body == first
    assert json.loads(body)["type"] == "charge.succeeded"
    assert is_signed(body, timestamp=timestamp, signature=signature, secret=SECRET, window=60)


def test_without_its_secret_it_says_what_to_set():
    program = [sys.executable, "-m", "exchanger.sandbox"]
    done = subprocess.run(
        program, cwd=CHECKOUT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (78, "")
    assert "CARD_PROCESSOR_SECRET is not set" in done.stderr


def answers(url):
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False
