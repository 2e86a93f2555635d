"""What the bot tells people of their orders."""

from uuid import UUID

ORDER_EVENTS = {
    "order.created": "Order {number} is placed. Pay for it before it expires.",
    "order.paid": "Order {number}: your payment is here.",
    "order.processing": "Order {number} is being processed.",
    "order.completed": "Order {number} is completed: the money is on its way to you.",
    "order.cancelled": "Order {number} is cancelled.",
    "order.expired": "Order {number} has expired: no payment came in time.",
    "order.failed": "Order {number} could not be completed. Your money is safe: we are looking into it.",
    "order.refunded": "Order {number} is refunded: your money is on its way back.",
    "payment.held": "Order {number}: a payment came that it cannot take. Your money is safe: we are looking into it.",
    "refund.requested": "Order {number}: a refund has been requested.",
    "refund.approved": "Order {number}: your refund is approved, and will be sent soon.",
    "refund.rejected": "Order {number}: the refund has not been approved.",
    "refund.succeeded": "Order {number}: your refund has been sent.",
    "refund.failed": "Order {number}: your refund could not be sent. Your money is safe: we are looking into it.",
}


def order_number(order_id: UUID) -> str:
    """How people and texts call an order: the first eight digits of its id, in capitals."""
    return order_id.hex[:8].upper()


def order_event_text(event_type: str, order_id: UUID) -> str | None:
    """The text of an event, None where people are not told of it."""
    text = ORDER_EVENTS.get(event_type)
    return None if text is None else text.format(number=order_number(order_id))
