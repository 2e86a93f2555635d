from web.models.analytics import AnalyticsEvent
from web.models.cache_invalidation import CacheInvalidation
from web.models.configuration import PublishedConfiguration
from web.models.delivery import EventDelivery
from web.models.held_rate import HeldRate, HeldReason, HeldStatus
from web.models.idempotency import IdempotencyKey
from web.models.order import Order
from web.models.payment import Payment
from web.models.provider_event import ProviderEvent
from web.models.quote import Quote
from web.models.rate import MANUAL, ExchangeRate
from web.models.refund import Refund, RefundKind
from web.models.statuses import OrderStatus, PaymentStatus, RefundStatus
from web.models.transaction import Account, EntryKind, Transaction
from web.models.used_token import UsedToken

__all__ = [
    "MANUAL",
    "Account",
    "AnalyticsEvent",
    "CacheInvalidation",
    "EntryKind",
    "EventDelivery",
    "ExchangeRate",
    "HeldRate",
    "HeldReason",
    "HeldStatus",
    "IdempotencyKey",
    "Order",
    "OrderStatus",
    "Payment",
    "PaymentStatus",
    "ProviderEvent",
    "PublishedConfiguration",
    "Quote",
    "Refund",
    "RefundKind",
    "RefundStatus",
    "Transaction",
    "UsedToken",
]
