"""What every context's workers do by the clock. A job runs on the context's own database, with its own logins."""

import logging
from importlib import import_module

from procrastinate import App, JobContext
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from exchanger.kernel.cache.invalidation import replay_all
from exchanger.kernel.contexts import Context, current
from identity.sessions import SessionStore

logger = logging.getLogger(__name__)

STALLED_AFTER_SECONDS = 60
KEEP_FINISHED_HOURS = 72
KEEP_FAILED_HOURS = 30 * 24
# By name: no process holds the code of another application's work, and each starts the sooner.
_OWN_JOBS = {Context.WEB: "web.jobs", Context.ADMIN: "admin_panel.jobs", Context.TELEGRAM: "bot.jobs"}


def register(app: App) -> None:
    """Add the scheduled tasks to the process's job engine."""
    import_module(_OWN_JOBS[current()]).register(app)

    @app.periodic(cron="* * * * *")
    @app.task(name="cache.replay", queueing_lock="cache.replay")
    def replay_invalidations(timestamp: int) -> None:
        """Drop from Redis what crashed processes, or an outage, left there."""
        if dropped := replay_all():
            logger.info("Dropped %d keys left over", dropped)

    @app.periodic(cron="7 * * * *")
    @app.task(name="sessions.purge", queueing_lock="sessions.purge")
    def purge_sessions(timestamp: int) -> None:
        """Delete this context's expired sessions."""
        SessionStore.clear_expired()

    @app.periodic(cron="*/2 * * * *")
    @app.task(name="jobs.retry_stalled", queueing_lock="jobs.retry_stalled", pass_context=True)
    async def retry_stalled(context: JobContext, timestamp: int) -> None:
        """Give back the jobs of workers that died."""
        manager = context.app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS):
            await _give_back(manager, job)

    @app.periodic(cron="23 3 * * *")
    @app.task(name="jobs.forget_finished", queueing_lock="jobs.forget_finished", pass_context=True)
    async def forget_finished(context: JobContext, timestamp: int) -> None:
        """Delete the jobs that are over; those that failed for good stay for longer, for whoever looks into them."""
        manager = context.app.job_manager
        await manager.delete_old_jobs(nb_hours=KEEP_FINISHED_HOURS, include_failed=False)
        await manager.delete_old_jobs(nb_hours=KEEP_FAILED_HOURS, include_failed=True)


async def _give_back(manager: JobManager, job: Job) -> None:
    """Queue it again, unless one of the same queueing lock has been queued since, which will do its work.

    Left as it is, it would keep that one out for good where they share a lock, and those behind it from being given
    back.
    """
    try:
        await manager.retry_job(job)
    except UniqueViolation:
        assert job.id is not None  # it comes from the queue
        await manager.finish_job_by_id_async(job.id, Status.ABORTED, delete_job=True)
