"""As much of HTTP/1.1 as bots speak: requests with a length, answers in JSON, connections that stay open."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, dict[str, Any]]
"""Status and JSON."""


@dataclass(frozen=True, slots=True)
class Request:
    """``parameters`` are those of the query, of a form or of a JSON object, whichever way they came."""

    path: str
    parameters: dict[str, Any]


Handler = Callable[[Request], Awaitable[Answer | None]]
"""Answers a request; None closes the connection without an answer."""


async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    """Answer the requests of one connection until either side closes it."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while (request := await _read(reader)) is not None:
            answer = await handler(request)
            if answer is None:
                break
            status, content = answer
            body = json.dumps(content).encode()
            head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            fields = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + fields.encode() + body)
            await writer.drain()
    with suppress(ConnectionError):
        writer.close()
        await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """The next request; None at the end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    _, target, _ = first.split(" ", 2)
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(fields.get("content-length", "0")))
    path = urlsplit(target)
    parameters: dict[str, Any] = dict(parse_qsl(path.query))
    if fields.get("content-type", "").startswith("application/json"):
        parameters |= json.loads(body)
    else:
        parameters |= parse_qsl(body.decode(), keep_blank_values=True)
    return Request(path.path, parameters)
