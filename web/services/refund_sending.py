"""Approved refunds on their way to the payment processors."""

from uuid import UUID

from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from web.adapter import WebAdapter
from web.models import Refund, RefundStatus
from web.payments.providers import RefundDeclined
from web.payments.registry import PROCESSORS
from web.services.refunds import refund_fail, refund_succeed

SEND = "refunds.send"


def refunds_queue() -> int:
    """Queue a job for each approved refund that a processor sends, and that has none; how many.

    An operator's login has no part in web's queue, so this is how the approved are found. Two at once would queue a
    refund twice, which sends it no second time. (A queueing lock would not do: it lets a second job in while the first
    runs, and then procrastinate cannot put the first back for its next try.)
    """
    jobs = ProcrastinateJob.objects.filter(task_name=SEND, status__in=("todo", "doing"))
    under_way = set(jobs.values_list("lock", flat=True))
    locks = {refund.pk: f"{SEND}.{refund.pk}" for refund in WebAdapter().find_refunds_to_send(PROCESSORS)}
    waiting = {refund_id: lock for refund_id, lock in locks.items() if lock not in under_way}
    for refund_id, lock in waiting.items():
        app.configure_task(SEND, lock=lock).defer(refund_id=str(refund_id))
    return len(waiting)


def refund_send(*, refund_id: UUID) -> None:
    """Have the processor send an approved refund, and book it; anything but an approved one is left alone.

    The processor knows the refund by its id, so one that dies after it was sent and before it was booked is sent
    again to no effect, and booked.

    Raises:
        Refund.DoesNotExist
        web.payments.providers.ProviderUnavailable: to be tried again; it may have been sent.
    """
    refund = Refund.objects.select_related("order", "payment").get(pk=refund_id)
    processor = PROCESSORS.get(refund.payment.payment_method)
    if refund.status != RefundStatus.APPROVED or processor is None:
        return
    try:
        reference = processor.refund(refund)
    except RefundDeclined as error:
        refund_fail(refund_id=refund_id, problem=str(error))
    else:
        refund_succeed(refund_id=refund_id, reference=reference)
