from web.models.analytics import AnalyticsEvent
from web.models.cache_invalidation import CacheInvalidation
from web.models.delivery import EventDelivery
from web.models.idempotency import IdempotencyKey
from web.models.order import Order
from web.models.payment import Payment
from web.models.rate import ExchangeRate
from web.models.statuses import OrderStatus, PaymentStatus
from web.models.transaction import Account, EntryKind, Transaction

__all__ = [
    "Account",
    "AnalyticsEvent",
    "CacheInvalidation",
    "EntryKind",
    "EventDelivery",
    "ExchangeRate",
    "IdempotencyKey",
    "Order",
    "OrderStatus",
    "Payment",
    "PaymentStatus",
    "Transaction",
]
