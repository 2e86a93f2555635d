"""The web workers' own jobs."""

import logging
from uuid import UUID

from procrastinate import App

from exchanger.kernel.backoff import Backoff
from web import payment_jobs
from web.configuration import NotConfigured
from web.services.acting import tokens_purge
from web.services.events import DELIVER, NotAccepted, deliveries_queue, order_events_deliver
from web.services.feeds import rates_fetch
from web.services.idempotency import idempotency_purge
from web.services.orders import orders_expire
from web.services.quotes import quotes_purge

logger = logging.getLogger(__name__)


def register(app: App) -> None:
    """Add them to the process's job engine."""
    payment_jobs.register(app)

    # PostgreSQL queues it (EventDelivery), with one lock per order: the jobs of an order run one after the other, and
    # one that waits for its next try holds the later ones back.
    @app.task(name=DELIVER, retry=Backoff())
    def deliver_events(order_id: str) -> None:
        """Bring the waiting events of an order to the telegram process."""
        try:
            order_events_deliver(order_id=UUID(order_id))
        except NotAccepted as error:
            logger.warning("Not accepted, to be tried again: %s", error)
            raise

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="events.sweep", lock="events.sweep", queueing_lock="events.sweep")
    def sweep_events(timestamp: int) -> None:
        """Queue what waits without a job."""
        if queued := deliveries_queue():
            logger.warning("Events of %d orders waited without a job", queued)

    @app.periodic(cron="*/10 * * * *")
    @app.task(name="rates.fetch", queueing_lock="rates.fetch")
    def fetch_rates(timestamp: int) -> None:
        """Ask the configured providers for rates; without a configuration there is nothing to ask."""
        try:
            rates_fetch()
        except NotConfigured:
            logger.info("No rates are fetched: nothing is published for the web application")

    _register_upkeep(app)


def _register_upkeep(app: App) -> None:
    """What ends, or is forgotten, with time."""

    @app.periodic(cron="* * * * *")
    @app.task(name="orders.expire", queueing_lock="orders.expire")
    def expire_orders(timestamp: int) -> None:
        """End the orders that were not paid in time."""
        if expired := orders_expire():
            logger.info("%d orders were not paid in time", expired)

    @app.periodic(cron="41 * * * *")
    @app.task(name="idempotency.purge", queueing_lock="idempotency.purge")
    def purge_idempotency_keys(timestamp: int) -> None:
        """Forget the answers of a day ago."""
        idempotency_purge()

    @app.periodic(cron="*/10 * * * *")
    @app.task(name="acting.purge", queueing_lock="acting.purge")
    def purge_tokens(timestamp: int) -> None:
        """Forget the bot's tokens that are too old to be tried again."""
        tokens_purge()

    @app.periodic(cron="53 3 * * *")
    @app.task(name="quotes.purge", queueing_lock="quotes.purge")
    def purge_quotes(timestamp: int) -> None:
        """Delete quotes that expired long ago and were not used."""
        if deleted := quotes_purge():
            logger.info("Deleted %d old quotes", deleted)
