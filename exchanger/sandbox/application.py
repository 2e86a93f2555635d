"""The processor over HTTP, a WSGI application: the checkout page for people, and the API for the merchant."""

import base64
import hmac
import json
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from exchanger.sandbox import page
from exchanger.sandbox.cards import CARDS
from exchanger.sandbox.processor import Declined, Processor, Unanswered

MOST_BYTES = 100_000
HTML, JSON = "text/html; charset=utf-8", "application/json"
Answer = tuple[int, str, str]
"""Status, content type, content."""


class WrongRequest(ValueError):
    """It cannot be read, or is not signed."""


class Application:
    def __init__(self, processor: Processor) -> None:
        self.processor = processor

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, kind, content = self._answer(environ)
        body = content.encode()
        headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [body]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if (method, path) == ("GET", "/healthz"):
            return 200, JSON, "{}"
        if path == "/checkout":
            return self._checkout(method, environ)
        if not self._authorized(environ):
            return 401, JSON, '{"code": "unauthorized"}'
        if method == "GET" and path.startswith("/charges/"):
            charge = self.processor.charge(path.removeprefix("/charges/"))
            return (200, JSON, json.dumps(charge)) if charge else (404, JSON, '{"code": "no_such_charge"}')
        if (method, path) == ("POST", "/refunds"):
            return self._refund(environ)
        return 404, JSON, '{"code": "not_found"}'

    def _checkout(self, method: str, environ: dict[str, Any]) -> Answer:
        text = environ.get("QUERY_STRING", "") if method == "GET" else _body(environ).decode(errors="replace")
        fields = {name: values[0] for name, values in parse_qs(text).items()}
        data, signature = fields.get("data", ""), fields.get("signature", "")
        try:
            wanted = self._read_link(data, signature)
            if method == "GET":
                return 200, HTML, page.checkout(wanted, data, signature)
            return 200, HTML, page.outcome(self.processor.pay(wanted, CARDS[fields.get("card", "")]))
        except KeyError:
            return 400, HTML, page.problem("There is no such card here.")
        except WrongRequest as error:
            return 400, HTML, page.problem(str(error))
        except Unanswered:
            return 504, HTML, page.problem("The bank did not answer in time. Nobody knows whether you paid.")

    def _read_link(self, data: str, signature: str) -> dict[str, str]:
        expected = hmac.new(self.processor.secret.encode(), data.encode(), "sha256").hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise WrongRequest("The link is not signed by the merchant.")
        wanted: dict[str, str] = json.loads(base64.urlsafe_b64decode(data))
        return wanted

    def _refund(self, environ: dict[str, Any]) -> Answer:
        key = environ.get("HTTP_IDEMPOTENCY_KEY", "")
        try:
            found = json.loads(_body(environ))
            wanted = {name: str(found[name]) for name in ("payment_id", "amount", "currency")}
            if not key:
                raise WrongRequest("Idempotency-Key")
            return 201, JSON, json.dumps(self.processor.refund(key, wanted))
        except Declined as error:
            return error.status, JSON, json.dumps({"code": error.code})
        except Unanswered:
            return 504, JSON, '{"code": "timeout"}'
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            return 400, JSON, json.dumps({"code": "invalid", "message": repr(error)})

    def _authorized(self, environ: dict[str, Any]) -> bool:
        expected = f"Bearer {self.processor.secret}"
        return hmac.compare_digest(expected.encode(), environ.get("HTTP_AUTHORIZATION", "").encode())


def _body(environ: dict[str, Any]) -> bytes:
    length = environ.get("CONTENT_LENGTH") or ""
    told = int(length) if re.fullmatch("[0-9]{1,9}", length) else 0
    body: bytes = environ["wsgi.input"].read(min(told, MOST_BYTES))
    return body
