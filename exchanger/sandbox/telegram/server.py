"""The server on a port of this machine, in a thread of its own, and what its user does with it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from exchanger.sandbox.telegram.api import BotApi, Call
from exchanger.sandbox.telegram.chats import Person
from exchanger.sandbox.telegram.faults import Fault, Scripted
from exchanger.sandbox.telegram.http import serve_connection
from exchanger.sandbox.telegram.limits import Limits

T = TypeVar("T")
TOKEN = "10001:local-telegram-of-the-sandbox"  # noqa: S105  (it opens nothing but this server)
WAIT_SECONDS = 30.0


class TelegramServer:
    """``url`` takes the place of Telegram's; ``calls`` is every call of the bot in the order in which they were met."""

    def __init__(self, *, token: str, limits: Limits, anybody: bool, first_update: int) -> None:
        self.token = token
        self.calls: list[Call] = []
        self.url = ""
        self.port = 0
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._options = {"limits": limits, "anybody": anybody, "first_update": first_update}
        self.api: BotApi

    # --- What people do

    def join(self, chat_id: int, *, first_name: str = "Anna", language_code: str = "en") -> Person:
        """Somebody whom the bot may write to from now on."""
        person = Person(chat_id, first_name, language_code)
        self.api.chats.people[chat_id] = person
        return person

    def say(self, person: Person, text: str) -> None:
        """A person writes to the bot."""
        self._do(lambda: self.api.say(person, text))

    def press(self, person: Person, message_id: int, data: str) -> str:
        """A person presses a button of a message; the query's id, which the bot is to answer."""
        return self._do(lambda: self.api.press(person, message_id, data))

    # --- What goes wrong

    def script(self, method: str, fault: Fault, *, times: int = 1, chat_id: int | None = None) -> None:
        """The next ``times`` calls of ``method`` meet ``fault``; scripted ones are met in their order."""
        self.api.script.append(Scripted(method, fault, times, chat_id))

    # --- What the bot did

    @property
    def messages(self) -> list[Call]:
        """Every message that people have got, in order."""
        return [call for call in list(self.calls) if call.method == "sendMessage" and call.applied]

    def wait(self, condition: Callable[[], bool]) -> None:
        """Until the bot's calls have made ``condition`` true.

        Raises:
            TimeoutError: they have not for a long while.
        """
        with self._changed:
            if not self._changed.wait_for(condition, WAIT_SECONDS):
                raise TimeoutError(f"The bot made {len(self.calls)} calls, and not those that were waited for")

    # --- Its thread

    def start(self, port: int) -> None:
        self._thread.start()
        self._run(self._open(port))

    def stop(self) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self, port: int) -> None:
        self.api = BotApi(self.token, told=self._tell, **self._options)  # type: ignore[arg-type]
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, backlog=500)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def _close(self) -> None:
        self.api.updates.close()
        self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await serve_connection(reader, writer, self.api.handle)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._connections.discard(task)

    def _tell(self, call: Call) -> None:
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()

    def _do(self, act: Callable[[], T]) -> T:
        async def acting() -> T:
            return act()

        return self._run(acting())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS)


@contextmanager
def serving(
    *,
    token: str = TOKEN,
    port: int = 0,
    limits: Limits | None = None,
    anybody: bool = False,
    first_update: int = 1,
) -> Iterator[TelegramServer]:
    """Serve inside the block. Port 0 is any that is free; without ``limits`` a bot may send as much as it likes.

    A bot that has talked to an earlier server knows its updates: ``first_update`` is to be above all of them.
    """
    server = TelegramServer(token=token, limits=limits or Limits(), anybody=anybody, first_update=first_update)
    server.start(port)
    try:
        yield server
    finally:
        server.stop()
