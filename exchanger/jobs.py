"""Background work: each context's workers run the jobs of their own business database."""

from procrastinate import App

from exchanger.kernel.contexts import current_or_none


def on_app_ready(app: App) -> None:
    """Register what this context's workers do, on request and by the clock; maintenance schedules nothing."""
    from identity import jobs as identity_jobs

    identity_jobs.register(app)
    if current_or_none() is None:
        return
    from exchanger.schedule import register

    register(app)
