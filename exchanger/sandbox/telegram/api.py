"""The Bot API of one bot: methods by name, what they answer, and a record of every call."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from exchanger.sandbox.telegram.chats import Chats, Person
from exchanger.sandbox.telegram.errors import NOT_FOUND, UNAUTHORIZED, ApiError, bad_request
from exchanger.sandbox.telegram.faults import Scripted
from exchanger.sandbox.telegram.http import Answer, Request
from exchanger.sandbox.telegram.limits import Limits
from exchanger.sandbox.telegram.updates import Updates


@dataclass(slots=True)
class Call:
    """A call of the bot: when it came (``time.monotonic``), and the status that it was answered with.

    ``applied`` says whether it was carried out, which is not the same where answers are lost.
    """

    method: str
    parameters: dict[str, Any]
    at: float
    status: int | None = None
    applied: bool = False

    @property
    def chat_id(self) -> int | None:
        chat_id = self.parameters.get("chat_id")
        return None if chat_id is None else int(chat_id)

    @property
    def text(self) -> str:
        return str(self.parameters.get("text", ""))


class BotApi:
    """What the server knows of its bot. All of it runs in the server's event loop, but for what tests read."""

    def __init__(
        self, token: str, *, limits: Limits, anybody: bool, first_update: int, told: Callable[[Call], None]
    ) -> None:
        self.token = token
        self.bot = {
            "id": int(token.partition(":")[0]), "is_bot": True, "first_name": "Exchanger", "username": "exchanger_bot"
        }  # fmt: skip
        self.chats = Chats(self.bot, anybody)
        self.updates = Updates(first_update)
        self.commands: list[Any] = []
        self.limits = limits
        self.script: list[Scripted] = []
        self._told = told
        self._presses = 0
        self._unanswered: set[str] = set()
        self._methods: dict[str, Callable[[dict[str, Any]], Any]] = {
            "getMe": lambda parameters: self.bot,
            "sendMessage": self.chats.send,
            "editMessageText": self.chats.edit,
            "answerCallbackQuery": self._answer_press,
            "setWebhook": self.updates.set_webhook,
            "deleteWebhook": self.updates.delete_webhook,
            "getWebhookInfo": lambda parameters: self.updates.webhook_info(),
            "setMyCommands": self._set_commands,
        }

    async def handle(self, request: Request) -> Answer | None:
        """Answer ``/bot<token>/<method>``."""
        prefix, _, method = request.path.removeprefix("/bot").rpartition("/")
        if not request.path.startswith("/bot"):
            return NOT_FOUND.answer
        call = Call(method, request.parameters, time.monotonic())
        if prefix != self.token:
            return UNAUTHORIZED.answer
        scripted = next((each for each in self.script if each.meets(method, call.chat_id)), None)
        if scripted is None:
            answer: Answer | None = await self._apply(call)
        else:
            scripted.times -= 1
            answer = await scripted.fault(lambda: self._apply(call))
        call.status = None if answer is None else answer[0]
        if not call.applied:
            self._told(call)
        return answer

    def say(self, person: Person, text: str) -> None:
        """A person writes to the bot; who has blocked it has not any more."""
        person.blocked = False
        self.updates.add("message", self.chats.add(person, person.user, text=text))

    def press(self, person: Person, message_id: int, data: str) -> str:
        """A person presses a button under a message of the bot; the query's id."""
        self._presses += 1
        query_id = str(self._presses)
        self._unanswered.add(query_id)
        message = self.chats.messages[person.id, message_id]
        query = {"id": query_id, "from": person.user, "message": message, "chat_instance": str(person.id), "data": data}
        self.updates.add("callback_query", query)
        return query_id

    async def _apply(self, call: Call) -> Answer:
        try:
            result = await self._carry_out(call)
        except ApiError as error:
            call.status = error.status
            return error.answer
        call.applied = True
        self._told(call)
        return 200, {"ok": True, "result": result}

    async def _carry_out(self, call: Call) -> Any:
        if call.method == "getUpdates":
            return await self.updates.get(call.parameters)
        method = self._methods.get(call.method)
        if method is None:
            raise NOT_FOUND
        if call.method == "sendMessage" and call.chat_id is not None:
            self.limits.check(call.chat_id, call.at)
        return method(call.parameters)

    def _answer_press(self, parameters: dict[str, Any]) -> bool:
        query_id = str(parameters.get("callback_query_id", ""))
        if query_id not in self._unanswered:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        self._unanswered.discard(query_id)
        return True

    def _set_commands(self, parameters: dict[str, Any]) -> bool:
        self.commands.append(parameters)
        return True
