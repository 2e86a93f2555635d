"""How a call can go wrong on its way: each decides whether the method is carried out, and what is answered."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from exchanger.sandbox.telegram.errors import ApiError, too_many
from exchanger.sandbox.telegram.http import Answer

Apply = Callable[[], Awaitable[Answer]]
Fault = Callable[[Apply], Awaitable[Answer | None]]
"""Given what carries the method out; None closes the connection without an answer."""


@dataclass(slots=True)
class Scripted:
    """A fault that the next ``times`` calls of ``method`` meet, those to ``chat_id`` alone where it is given."""

    method: str
    fault: Fault
    times: int
    chat_id: int | None

    def meets(self, method: str, chat_id: int | None) -> bool:
        return self.times > 0 and self.method == method and self.chat_id in (None, chat_id)


def fails(status: int = 500) -> Fault:
    """Nothing is carried out, and the server says that it is broken."""

    async def fault(apply: Apply) -> Answer | None:
        return ApiError(status, "Internal Server Error").answer

    return fault


def floods(retry_after: int) -> Fault:
    """Nothing is carried out: too many requests."""

    async def fault(apply: Apply) -> Answer | None:
        return too_many(retry_after).answer

    return fault


def delays(seconds: float) -> Fault:
    """It is carried out, after a while."""

    async def fault(apply: Apply) -> Answer | None:
        await asyncio.sleep(seconds)
        return await apply()

    return fault


async def refuses_connection(apply: Apply) -> Answer | None:
    """The connection is closed before anything was carried out."""
    return None


async def loses_answer(apply: Apply) -> Answer | None:
    """It is carried out, and the answer is not heard."""
    await apply()
    return None


async def never_answers(apply: Apply) -> Answer | None:
    """It is carried out, and the connection stays open without an answer."""
    await apply()
    await asyncio.Event().wait()
    return None
