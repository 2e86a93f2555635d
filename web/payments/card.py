"""Cards, by a processor with a page of its own: a signed link leads the client there, and it calls us afterwards."""

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx
from django.conf import settings

from exchanger.kernel.cache.codec import decode, encode
from exchanger.kernel.http import trusted
from exchanger.kernel.money.currencies import CEILING, recorded_currency
from exchanger.kernel.signing import is_signed
from web.configuration import WebConfiguration
from web.models import Order, Payment, Refund
from web.payments.providers import (
    Call,
    Charge,
    ChargeState,
    ProviderUnavailable,
    RefundDeclined,
    Start,
    WrongCall,
    WrongSignature,
)

TIMESTAMP_HEADER = "X-Timestamp"
SIGNATURE_HEADER = "X-Signature"
WINDOW_SECONDS = 300
TIMEOUT_SECONDS = 5
CALLBACK_PATH = "/api/v1/payments/webhooks/card/"


class CardProcessor:
    """CARD_PROCESSOR_URL is where it is, for clients and for us; both sides hold CARD_PROCESSOR_SECRET."""

    method = "card"

    def is_offered(self, order: Order, configuration: WebConfiguration) -> bool:
        return bool(settings.CARD_PROCESSOR_URL) and not recorded_currency(order.from_currency).crypto

    def start(self, order: Order, payment: Payment, configuration: WebConfiguration) -> Start:
        return Start({"checkout_url": checkout_url(payment, order.from_currency)})

    def fetch(self, payment_id: UUID) -> Charge | None:
        answer = _request("GET", f"/charges/{payment_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if not answer.is_success:
            raise ProviderUnavailable(f"charge of payment {payment_id}: HTTP {answer.status_code}")
        try:
            return _charge(decode(answer.content))
        except WrongCall as error:
            raise ProviderUnavailable(f"charge of payment {payment_id}: {error}") from error

    def refund(self, refund: Refund) -> str:
        order = refund.order
        wanted = {
            "payment_id": refund.payment_id,
            "amount": recorded_currency(order.from_currency).text(refund.amount),
            "currency": order.from_currency,
        }
        answer = _request("POST", "/refunds", content=encode(wanted), headers={"Idempotency-Key": str(refund.pk)})
        if answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.UNPROCESSABLE_ENTITY):
            raise RefundDeclined(f"refund {refund.pk}: HTTP {answer.status_code} {answer.text[:200]}")
        try:
            return _reference(decode(answer.raise_for_status().content)["id"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise ProviderUnavailable(f"refund {refund.pk}: {error!r}") from error

    def read_call(self, body: bytes, headers: Mapping[str, str]) -> Call:
        secret = settings.CARD_PROCESSOR_SECRET
        timestamp, signature = headers.get(TIMESTAMP_HEADER, ""), headers.get(SIGNATURE_HEADER, "")
        signed = secret and is_signed(
            body, timestamp=timestamp, signature=signature, secret=secret, window=WINDOW_SECONDS
        )
        if not signed:
            raise WrongSignature
        try:
            found = decode(body)
            event_id, kind = found["id"], found["type"]
        except (ValueError, KeyError, TypeError) as error:
            raise WrongCall(f"not an event: {error!r}") from error
        if not isinstance(event_id, str) or not 0 < len(event_id) <= 100 or "\x00" in event_id:
            raise WrongCall("an event's id is a text of 1 to 100 characters")
        ours = isinstance(kind, str) and kind.startswith("charge.")
        return Call(event_id, _charge(found.get("charge")) if ours else None)


def checkout_url(payment: Payment, code: str) -> str:
    """The processor's page for one payment: what it is to charge, and where it is to call, under our signature."""
    data = base64.urlsafe_b64encode(
        encode(
            {
                "payment_id": payment.pk,
                "amount": recorded_currency(code).text(payment.amount),
                "currency": code,
                "callback_url": settings.PUBLIC_WEB_URL.rstrip("/") + CALLBACK_PATH,
            }
        )
    )
    # Not as calls are signed (exchanger.kernel.signing): a link holds for as long as the payment waits, at any time.
    signature = hmac.new(settings.CARD_PROCESSOR_SECRET.encode(), data, "sha256").hexdigest()
    query = urlencode({"data": data.decode(), "signature": signature})
    return f"{settings.CARD_PROCESSOR_URL.rstrip('/')}/checkout?{query}"


def _request(method: str, path: str, **options: Any) -> httpx.Response:
    if not settings.CARD_PROCESSOR_URL:
        raise ProviderUnavailable("CARD_PROCESSOR_URL is not set")
    headers = {"Authorization": f"Bearer {settings.CARD_PROCESSOR_SECRET}", **options.pop("headers", {})}
    try:
        with httpx.Client(base_url=settings.CARD_PROCESSOR_URL, timeout=TIMEOUT_SECONDS, verify=trusted()) as client:
            return client.request(method, path, headers=headers, **options)
    except httpx.HTTPError as error:
        raise ProviderUnavailable(f"{method} {path}: {error!r}") from error


def _charge(found: Any) -> Charge:
    """A charge as the processor writes it; raises WrongCall."""
    try:
        state, received_at = ChargeState(found["status"]), found["received_at"]
        charge = Charge(
            payment_id=UUID(found["payment_id"]),
            reference=_reference(found["id"]),
            state=state,
            amount=_amount(found["amount"]),
            currency=str(found["currency"]),
            received_at=_moment(received_at) if received_at else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise WrongCall(f"not a charge: {error!r}") from error
    if state is ChargeState.SUCCEEDED and charge.received_at is None:
        raise WrongCall("a charge that succeeded says when")
    return charge


def _reference(found: object) -> str:
    """What PostgreSQL keeps of a processor's name of something; raises ValueError."""
    text = str(found)[:100]
    if "\x00" in text:
        raise ValueError(f"{text!r} is no name")
    return text


def _moment(text: str) -> datetime:
    """In UTC: PostgreSQL keeps no year beyond 9999 that Python could read. Raises ValueError, OverflowError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} is without its time zone")
    return moment.astimezone(UTC)


def _amount(text: object) -> Decimal:
    """An amount as a text of digits; raises ValueError."""
    try:
        amount = Decimal(text) if isinstance(text, str) else Decimal("NaN")
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is no amount") from error
    if not amount.is_finite() or not 0 < amount < CEILING or amount != amount.quantize(Decimal("1e-8")):
        raise ValueError(f"{text!r} is no amount")
    return amount
