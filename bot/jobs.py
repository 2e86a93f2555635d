"""The telegram workers' own jobs."""

from uuid import UUID

from procrastinate import App

from bot.services.events import order_events_handle
from bot.services.rate_alerts import alerts_check
from bot.services.updates import updates_forget
from exchanger.kernel.backoff import Backoff


def register(app: App) -> None:
    """Add them to the process's job engine."""

    @app.task(name="events.handle", retry=Backoff())
    def handle_events(order_id: str) -> None:
        """Handle the events of an order; deferred with a lock per order."""
        order_events_handle(order_id=UUID(order_id))

    @app.periodic(cron="* * * * *")
    @app.task(name="alerts.check", queueing_lock="alerts.check")
    def check_alerts(timestamp: int) -> None:
        """Tell people of the rates that they wait for."""
        alerts_check()

    @app.periodic(cron="41 3 * * *")
    @app.task(name="updates.forget", queueing_lock="updates.forget")
    def forget_updates(timestamp: int) -> None:
        """Delete the updates and replies that nobody asks for any more."""
        updates_forget()
