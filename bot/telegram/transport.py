"""How calls travel to Telegram: connections, time-outs, and replies that leave things out."""

import asyncio
from typing import Any

from telegram.request import BaseRequest, HTTPXRequest

from exchanger.kernel.http import trusted

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
"""What an answer may take, to a poll beyond the time that the poll itself may take."""

CALL_SECONDS = CONNECT_SECONDS + 2 * ANSWER_SECONDS
"""The most that sending a message may take: connecting, sending, and the answer to its last byte."""


class Transport(BaseRequest):
    """At most ``connections`` calls at once, each on a connection of its own; others wait for one to be free.

    httpx's own pool looks at all of its connections whenever a call ends: with thirty of them that is most of the work.
    """

    def __init__(self, connections: int) -> None:
        self._connections = [_connection() for _ in range(connections)]
        self._idle: asyncio.LifoQueue[HTTPXRequest] = asyncio.LifoQueue()
        for connection in self._connections:
            self._idle.put_nowait(connection)

    @property
    def read_timeout(self) -> float:
        return ANSWER_SECONDS

    async def initialize(self) -> None:
        for connection in self._connections:
            await connection.initialize()

    async def shutdown(self) -> None:
        for connection in self._connections:
            await connection.shutdown()

    async def do_request(self, *args: Any, **options: Any) -> tuple[int, bytes]:
        connection = await self._idle.get()
        try:
            return await connection.do_request(*args, **options)
        finally:
            self._idle.put_nowait(connection)

    @staticmethod
    def parse_json_payload(payload: bytes) -> Any:
        return _completed(BaseRequest.parse_json_payload(payload))


def _connection() -> HTTPXRequest:
    return HTTPXRequest(
        connection_pool_size=1,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=ANSWER_SECONDS,
        write_timeout=ANSWER_SECONDS,
        httpx_kwargs={"verify": trusted()},
    )


def _completed(found: Any) -> Any:
    """A reply with what the library cannot do without, and somebody who stands in for Telegram may have left out."""
    if isinstance(found, list):
        return [_completed(each) for each in found]
    if not isinstance(found, dict):
        return found
    told = {name: _completed(value) for name, value in found.items()}
    if "message_id" in told:
        told = {"date": 0, "chat": {"id": 0}, **told}
    if isinstance(told.get("chat"), dict):
        told["chat"] = {"type": "private", **told["chat"]}
    if isinstance(told.get("from"), dict):
        told["from"] = {"first_name": "", "is_bot": False, **told["from"]}
    return told
