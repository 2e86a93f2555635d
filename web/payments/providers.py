"""What a payment provider is: it tells the client how to pay, and some can be asked, refund, and call us."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from web.configuration import WebConfiguration
from web.models import Order, Payment, Refund


class ProviderUnavailable(RuntimeError):
    """A provider gave no answer, or none that says what happened: ask again later."""


class RefundDeclined(RuntimeError):
    """A provider said no to a refund for good: no money went back."""


class WrongSignature(ValueError):
    """A call did not come from the provider, or came too late."""


class WrongCall(ValueError):
    """The provider's call cannot be read."""


class ChargeState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Start:
    """What the client is told to do (JSON), and what the provider knows the payment by, where that is known."""

    instructions: Mapping[str, Any] = field(default_factory=dict)
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """A payment as its provider knows it: ``amount`` in units of ``currency``; ``received_at`` where it succeeded."""

    payment_id: UUID
    reference: str
    state: ChargeState
    amount: Decimal
    currency: str
    received_at: datetime | None


@dataclass(frozen=True, slots=True)
class Call:
    """What a provider called to say; ``charge`` is None for an event of a kind that does not concern us."""

    event_id: str
    charge: Charge | None


class Provider(Protocol):
    """``method`` is the name that payments carry."""

    method: str

    def is_offered(self, order: Order, configuration: WebConfiguration) -> bool: ...

    def start(self, order: Order, payment: Payment, configuration: WebConfiguration) -> Start:
        """How this order is paid by this new payment. It asks nobody: the order is locked meanwhile."""


class Processor(Provider, Protocol):
    """A provider that is a machine. It knows a payment by our payment's id, and a refund by our refund's."""

    def fetch(self, payment_id: UUID) -> Charge | None:
        """The charge as it is now, None where there was none. Raises ProviderUnavailable."""

    def refund(self, refund: Refund) -> str:
        """Send a refund, once however often it is called; its reference. Raises ProviderUnavailable, RefundDeclined."""

    def read_call(self, body: bytes, headers: Mapping[str, str]) -> Call:
        """What the provider says. Raises WrongSignature, WrongCall."""
