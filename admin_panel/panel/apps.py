from django.contrib.admin.apps import SimpleAdminConfig


class OperatorsAdminConfig(SimpleAdminConfig):
    """Django admin with our own site, and no pages but our own: those that packages bring would write unaudited."""

    default_site = "admin_panel.panel.site.OperatorsSite"

    def ready(self) -> None:
        super().ready()
        from admin_panel import admin  # noqa: F401  (registers the pages)
