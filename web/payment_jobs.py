"""The web workers' jobs about payments and refunds."""

import logging
from uuid import UUID

from procrastinate import App

from exchanger.kernel.backoff import Backoff
from web.payments.providers import ProviderUnavailable
from web.services.charges import payments_reconcile, provider_events_purge
from web.services.refund_sending import SEND, refund_send, refunds_queue

logger = logging.getLogger(__name__)


def register(app: App) -> None:
    """Add them to the process's job engine."""

    @app.periodic(cron="* * * * *")
    @app.task(name="payments.reconcile", lock="payments.reconcile", queueing_lock="payments.reconcile")
    def reconcile_payments(timestamp: int) -> None:
        """Find money of which no processor has told us."""
        payments_reconcile()

    @app.periodic(cron="* * * * *")
    @app.task(name="refunds.queue", lock="refunds.queue", queueing_lock="refunds.queue")
    def queue_refunds(timestamp: int) -> None:
        """Queue what has been approved and goes back by a processor."""
        refunds_queue()

    @app.task(name=SEND, retry=Backoff())
    def send_refund(refund_id: str) -> None:
        """Have one refund sent; a processor that does not answer is asked again."""
        try:
            refund_send(refund_id=UUID(refund_id))
        except ProviderUnavailable as error:
            logger.warning("Not sent, to be tried again: %s", error)
            raise

    @app.periodic(cron="37 4 * * *")
    @app.task(name="provider_events.purge", queueing_lock="provider_events.purge")
    def purge_provider_events(timestamp: int) -> None:
        """Forget the calls of a month ago."""
        provider_events_purge()
