"""The admin workers' own jobs."""

import logging
from datetime import UTC, datetime
from uuid import UUID

from django.utils import timezone
from procrastinate import App

from admin_panel.references.checking import orphans_refuse
from admin_panel.services.broadcast_making import broadcast_fan_out, broadcasts_attend
from admin_panel.services.broadcasts import FAN_OUT
from admin_panel.services.metrics import metrics_collect, metrics_thin
from admin_panel.services.report_making import report_make, reports_prune
from admin_panel.services.reports import MAKE, report_schedule
from exchanger.kernel.backoff import Backoff

logger = logging.getLogger(__name__)


def register(app: App) -> None:
    """Add them to the process's job engine."""
    _register_nightly(app)

    @app.task(name=MAKE, retry=Backoff())
    def make_report(report_id: str) -> None:
        """Make one report's file."""
        report_make(report_id=UUID(report_id))

    # Every hour, and each period once: a worker that was down at midnight makes up for it.
    @app.periodic(cron="11 * * * *")
    @app.task(name="reports.schedule", queueing_lock="reports.schedule")
    def schedule_reports(timestamp: int) -> None:
        """Ask for yesterday's turnover and last month's ledger statement."""
        report_schedule(at=datetime.fromtimestamp(timestamp, UTC))

    @app.task(name=FAN_OUT, retry=Backoff())
    def fan_out(broadcast_id: str) -> None:
        """Make a broadcast's notifications."""
        made = broadcast_fan_out(broadcast_id=UUID(broadcast_id))
        logger.info("Made %d notifications of broadcast %s", made, broadcast_id)

    @app.periodic(cron="* * * * *")
    @app.task(name="broadcasts.attend", queueing_lock="broadcasts.attend")
    def attend_broadcasts(timestamp: int) -> None:
        """Go on with running broadcasts, and end those that are through."""
        broadcasts_attend()

    @app.periodic(cron="* * * * *")
    @app.task(name="metrics.collect", queueing_lock="metrics.collect")
    def collect_metrics(timestamp: int) -> None:
        """Record this minute; a minute that no worker was there for stays empty."""
        metrics_collect(at=timezone.now())


def _register_nightly(app: App) -> None:
    @app.periodic(cron="29 3 * * *")
    @app.task(name="reports.prune", queueing_lock="reports.prune")
    def prune_reports(timestamp: int) -> None:
        """Delete old files."""
        if pruned := reports_prune():
            logger.info("Deleted the files of %d old reports", pruned)

    @app.periodic(cron="53 3 * * *")
    @app.task(name="references.check", queueing_lock="references.check")
    def check_references(timestamp: int) -> None:
        """Look up what names rows elsewhere."""
        orphans_refuse()

    @app.periodic(cron="41 2 * * *")
    @app.task(name="metrics.thin", queueing_lock="metrics.thin")
    def thin_metrics(timestamp: int) -> None:
        """Keep less of what is old."""
        if gone := metrics_thin():
            logger.info("Thinned the system metrics by %d rows", gone)
