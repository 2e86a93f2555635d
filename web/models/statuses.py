from django.db.models import TextChoices


class OrderStatus(TextChoices):
    """``pending → paid → processing → completed``; the rest are ways to end (``web/transitions.py``)."""

    PENDING = "pending"
    PAID = "paid"
    PROCESSING = "processing"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    REFUNDED = "refunded"


class PaymentStatus(TextChoices):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


UNSETTLED = (PaymentStatus.PENDING, PaymentStatus.FAILED)
"""A processor may still tell of money: after a decline, the client may have taken another card."""


class RefundStatus(TextChoices):
    """``requested → approved → succeeded``; what failed or was rejected may be tried again."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
