from django.apps import AppConfig


class ExchangerConfig(AppConfig):
    name = "exchanger"

    def ready(self) -> None:
        from exchanger import checks  # noqa: F401  (registers the system checks)
        from exchanger.kernel.cache.access import circuit
        from exchanger.kernel.cache.invalidation import replay_all

        circuit.before_trusting = replay_all
