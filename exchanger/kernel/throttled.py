"""What a guarded door says to somebody who has tried too often."""


class Throttled(Exception):
    """An attempt was refused before it cost anything; ``retry_after`` is in whole seconds, at least 1.

    The API turns it into 429 ``throttled`` with Retry-After; its text is meant for the user.
    """

    def __init__(self, retry_after: int) -> None:
        self.retry_after = max(retry_after, 1)
        super().__init__(f"Too many attempts: try again in {_spoken(self.retry_after)}.")


def _spoken(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} second{'s' if seconds > 1 else ''}"
    return f"{-(-seconds // 60)} minutes"
