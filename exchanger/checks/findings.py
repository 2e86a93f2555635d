"""How a finding looks: an id of the platform's own, one sentence on what is wrong, and a hint on what to set."""

from django.core import checks

TAG = "exchanger"


def error(number: int, message: str, hint: str) -> checks.Error:
    return checks.Error(message, hint=hint, id=f"exchanger.E{number:03}")


def warning(number: int, message: str, hint: str) -> checks.Warning:
    return checks.Warning(message, hint=hint, id=f"exchanger.W{number:03}")
