from django.apps import AppConfig


class ExchangerConfig(AppConfig):
    name = "exchanger"

    def ready(self) -> None:
        from exchanger import checks  # noqa: F401  (registers the system checks)
