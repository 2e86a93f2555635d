from collections.abc import Mapping
from typing import ClassVar


class Refused(Exception):
    """A rule says no. Services raise it, and whoever asked is told in the one shape of errors.

    ``code`` is for programs and ``message`` for people, who read there what to do; ``details`` are JSON; ``status`` is
    the HTTP status that the refusal becomes. ``retry_after`` is in seconds, where waiting helps.

    ``codes`` are all that a subclass can be: per status, each code with a message as people may read it. An endpoint
    names the subclass (``exchanger.kernel.schema.refuses``), and the API's description has them from here.
    """

    codes: ClassVar[Mapping[int, Mapping[str, str]]] = {}

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        details: Mapping[str, object] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.details = dict(details or {})
        self.retry_after = retry_after
