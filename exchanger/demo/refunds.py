"""What was asked to be sent back of the demo's payments: where the payout failed, and where the money went back."""

from collections.abc import Iterator

from exchanger.demo.ids import demo_id
from exchanger.demo.orders import Story
from exchanger.demo.payments import paying
from exchanger.demo.plan import Plan
from web.models import OrderStatus, Refund, RefundKind, RefundStatus
from web.tests.factories import RefundFactory


def refunds(plan: Plan) -> list[Refund]:
    """Those of orders that ended as failed wait for an operator."""
    return [refund for story in plan.stories for refund in _of(story)]


def _of(story: Story) -> Iterator[Refund]:
    failed, refunded = story.reached(OrderStatus.FAILED), story.reached(OrderStatus.REFUNDED)
    if story.reached(OrderStatus.PAID) is None or (begun := failed or refunded) is None:
        return
    payment = paying(story)
    refund: Refund = RefundFactory.build(
        id=demo_id("refund", story.number),
        order=story.order,
        payment=payment,
        kind=RefundKind.PAYMENT,
        amount=payment.amount,
        reason="The payout failed." if failed else "The client asked for it.",
        status=RefundStatus.SUCCEEDED if refunded else RefundStatus.REQUESTED,
        requested_by=None,
        created_at=begun,
        updated_at=refunded or begun,
    )
    yield refund
