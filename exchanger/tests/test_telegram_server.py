"""The local Telegram as it is on the wire: what its client's library hides, and what only webhooks and limits show."""

import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from exchanger.sandbox.telegram import faults
from exchanger.sandbox.telegram.limits import Limits
from exchanger.sandbox.telegram.server import serving
from exchanger.sandbox.telegram.updates import SECRET_HEADER

CHAT = 7001


@pytest.fixture
def server():
    with serving() as server:
        server.join(CHAT)
        yield server


def call(server, method, token=None, **parameters):
    return httpx.post(f"{server.url}/bot{token or server.token}/{method}", json=parameters)


def test_answers_have_the_documented_shape_however_the_parameters_come(server):
    address = f"{server.url}/bot{server.token}/sendMessage"
    parameters = {"chat_id": CHAT, "text": "Привіт"}
    for answer in (
        httpx.post(address, json=parameters),
        httpx.post(address, data=parameters),
        httpx.get(address, params=parameters),
    ):
        assert answer.status_code == 200
        told = answer.json()
        assert (told["ok"], told["result"]["text"], told["result"]["chat"]["id"]) == (True, "Привіт", CHAT)
    assert [message.text for message in server.messages] == ["Привіт"] * 3


@pytest.mark.parametrize(
    ("token", "method", "parameters", "status", "description"),
    [
        ("10001:wrong", "getMe", {}, 401, "Unauthorized"),
        (None, "getEverything", {}, 404, "Not Found"),
        (None, "sendMessage", {"chat_id": 1, "text": "x"}, 400, "Bad Request: chat not found"),
        (None, "sendMessage", {"chat_id": CHAT}, 400, "Bad Request: message text is empty"),
        (None, "sendMessage", {"text": "x"}, 400, "Bad Request: chat_id is empty"),
    ],
)
def test_refusals_are_telegrams(server, token, method, parameters, status, description):
    answer = call(server, method, token, **parameters)
    assert answer.status_code == status
    assert answer.json() == {"ok": False, "error_code": status, "description": description}
    assert server.messages == []


@pytest.mark.parametrize(
    ("limits", "chats"),
    [
        (Limits(per_second=2, retry_after=700), (1, 2, 3)),
        (Limits(chat_per_second=1, retry_after=700), (1, 2, 1)),
    ],
)
def test_who_sends_too_much_is_told_when_to_go_on(limits, chats, monkeypatch):
    monkeypatch.setattr("exchanger.sandbox.telegram.limits.WINDOW_SECONDS", 60)  # a second may end between two calls
    with serving(limits=limits, anybody=True) as server:
        answers = [call(server, "sendMessage", chat_id=chat, text="x") for chat in chats]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[-1].json()["parameters"] == {"retry_after": limits.retry_after}
        assert len(server.messages) == 2
        assert call(server, "sendMessage", chat_id=9, text="x").status_code == 429
        assert call(server, "getMe").status_code == 200


def test_the_first_second_after_the_limit_is_free_again():
    limits = Limits(per_second=1)
    limits.check(CHAT, 10.0)
    limits.check(CHAT, 11.0)
    with pytest.raises(Exception, match="retry after 1"):
        limits.check(CHAT, 11.5)
    limits.check(CHAT, 12.6)


def test_scripted_faults_are_met_in_their_order_by_the_calls_that_they_are_for(server):
    server.join(7002)
    server.script("sendMessage", faults.fails(500), chat_id=CHAT)
    server.script("sendMessage", faults.delays(0.0))
    statuses = [call(server, "sendMessage", chat_id=chat, text="x").status_code for chat in (7002, CHAT, CHAT)]
    assert statuses == [200, 500, 200]
    assert [each.status for each in server.calls] == [200, 500, 200]


@pytest.mark.parametrize(("fault", "applied"), [(faults.refuses_connection, 0), (faults.loses_answer, 1)])
def test_an_answer_that_is_lost_is_not_heard_whether_the_message_arrived_or_not(server, fault, applied):
    server.script("sendMessage", fault)
    with pytest.raises(httpx.RemoteProtocolError):
        call(server, "sendMessage", chat_id=CHAT, text="x")
    assert len(server.messages) == applied


class Webhook:
    """A bot's own server; each request takes the next of ``statuses``."""

    def __init__(self, *statuses):
        self.statuses = deque(statuses)
        self.got = []
        self.changed = threading.Condition()
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status = webhook.statuses.popleft() if webhook.statuses else 200
                with webhook.changed:
                    webhook.got.append((self.headers[SECRET_HEADER], body, status))
                    webhook.changed.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def wait(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.got) >= count, 30)


def test_a_webhook_gets_updates_in_order_with_its_secret_and_again_until_it_takes_them(server):
    webhook = Webhook(500, 200)
    person = server.api.chats.people[CHAT]
    try:
        server.say(person, "before")
        assert call(server, "setWebhook", url=webhook.url, secret_token="s3cret").json()["result"] is True
        webhook.wait(2)
        server.say(person, "after")
        webhook.wait(3)
        assert [(secret, "before" in body, status) for secret, body, status in webhook.got] == [
            ("s3cret", True, 500),
            ("s3cret", True, 200),
            ("s3cret", False, 200),
        ]
        told = call(server, "getWebhookInfo").json()["result"]
        assert told["url"] == webhook.url
        assert told["last_error_message"] == "Wrong response from the webhook: 500"
        assert "s3cret" not in str(told)
        polled = call(server, "getUpdates")
        assert (polled.status_code, "webhook is active" in polled.json()["description"]) == (409, True)
        call(server, "deleteWebhook")
        server.say(person, "later")
        assert len(call(server, "getUpdates").json()["result"]) == 1
        assert len(webhook.got) == 3
        call(server, "deleteWebhook", drop_pending_updates=True)
        assert call(server, "getWebhookInfo").json()["result"]["pending_update_count"] == 0
    finally:
        webhook.server.shutdown()
        webhook.server.server_close()


def test_a_webhook_must_be_reached_safely(server):
    answer = call(server, "setWebhook", url="http://example.com/")
    assert answer.status_code == 400
    assert call(server, "getWebhookInfo").json()["result"]["url"] == ""
