"""What a guarded door says to somebody who has tried too often."""

from exchanger.kernel.refusals import Refused


class Throttled(Refused):
    """An attempt was refused before it cost anything; ``retry_after`` is in whole seconds, at least 1."""

    retry_after: int

    def __init__(self, retry_after: int) -> None:
        wait = max(retry_after, 1)
        super().__init__(
            "throttled",
            f"Too many attempts: try again in {_spoken(wait)}.",
            status=429,
            details={"retry_after": wait},
            retry_after=wait,
        )


def _spoken(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} second{'s' if seconds > 1 else ''}"
    return f"{-(-seconds // 60)} minutes"
