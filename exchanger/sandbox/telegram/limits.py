"""Telegram's limits of how much a bot may send: so many messages a second to everybody, and to one chat."""

from collections import defaultdict, deque

from exchanger.sandbox.telegram.errors import too_many

WINDOW_SECONDS = 1.0


class Limits:
    """``per_second`` and ``chat_per_second`` None is without a limit.

    Who exceeds one is refused for ``retry_after`` seconds, whatever it sends meanwhile.
    """

    def __init__(
        self, *, per_second: int | None = None, chat_per_second: int | None = None, retry_after: int = 1
    ) -> None:
        self.per_second = per_second
        self.chat_per_second = chat_per_second
        self.retry_after = retry_after
        self._all: deque[float] = deque()
        self._chats: defaultdict[int, deque[float]] = defaultdict(deque)
        self._refused_until = 0.0

    def check(self, chat_id: int, now: float) -> None:
        """Let a message through, and count it; ``now`` is in seconds of a clock that does not jump.

        Raises:
            ApiError: 429.
        """
        if now < self._refused_until:
            raise too_many(max(round(self._refused_until - now), 1))
        windows = [(self._all, self.per_second), (self._chats[chat_id], self.chat_per_second)]
        for window, most in windows:
            while window and window[0] <= now - WINDOW_SECONDS:
                window.popleft()
            if most is not None and len(window) >= most:
                self._refused_until = now + self.retry_after
                raise too_many(self.retry_after)
        for window, _ in windows:
            window.append(now)
