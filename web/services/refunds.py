"""Money that is due back to a client."""

from decimal import Decimal
from uuid import UUID

from web.configuration import read_configuration
from web.models import Order, Payment, Refund, RefundKind, RefundStatus
from web.services.moves import order_announce


def refund_request(
    *, order: Order, payment: Payment, kind: RefundKind, amount: Decimal, reason: str, requested_by: UUID | None = None
) -> Refund:
    """Have ``amount`` of a payment sent back, in the transaction that has locked the order.

    One that is not large is approved with that; a large one waits for a second operator (``large_refunds`` of the
    published configuration). ``requested_by`` is an operator, None the platform itself.

    Raises:
        django.db.IntegrityError: there is a refund of this kind of the payment already.
        web.configuration.NotConfigured
    """
    limit = read_configuration().large_refunds.get(order.from_currency)
    large = limit is not None and amount > limit
    refund = Refund.objects.create(
        order=order,
        payment=payment,
        kind=kind,
        amount=amount,
        large=large,
        reason=reason,
        status=RefundStatus.REQUESTED if large else RefundStatus.APPROVED,
        requested_by=requested_by,
    )
    order_announce(
        order=order, event_type=f"refund.{refund.status}", refund_id=str(refund.pk), refund_amount=f"{amount:f}"
    )
    return refund
