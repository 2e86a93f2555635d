from django.apps import AppConfig


class AdminPanelConfig(AppConfig):
    name = "admin_panel"
    verbose_name = "System"

    def ready(self) -> None:
        from admin_panel import receivers  # noqa: F401  (logins and logouts enter the audit trail)
