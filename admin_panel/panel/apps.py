from django.contrib.admin.apps import SimpleAdminConfig

from exchanger.kernel.contexts import Context, current_or_none


class OperatorsAdminConfig(SimpleAdminConfig):
    """Django admin with our own site, and no pages but our own: those that packages bring would write unaudited.

    Only a process that serves operators, or checks what is served, holds the pages: web's and the bot's start in less
    time and memory without them.
    """

    default_site = "admin_panel.panel.site.OperatorsSite"

    def ready(self) -> None:
        super().ready()
        if current_or_none() in {Context.ADMIN, None}:
            from admin_panel import admin  # noqa: F401  (registers the pages)
