"""Requests that are repeated until they are answered, and a record of what each met."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from exchanger.kernel.http import trusted

PATIENCE = 90  # seconds, until an answer must have come
TIMEOUT = 15  # seconds of one try
CUT = 0  # in place of a status: the connection broke
NOBODY = -1  # nothing listened there: the request never arrived
KEY_HEADER, REPLAYED_HEADER = "Idempotency-Key", "Idempotency-Replayed"


class NoAnswer(RuntimeError):
    """A request was repeated for as long as patience lasts."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One try of a request. ``asked`` is what it is called in the report; times are monotonic seconds."""

    asked: str
    began: float
    ended: float
    status: int
    code: str = ""

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass(slots=True)
class Command:
    """A POST under an Idempotency-Key, and every answer that it got: status, body, and whether it was replayed."""

    key: str
    path: str
    body: Mapping[str, Any]
    answers: list[tuple[int, bytes, bool]] = field(default_factory=list)

    @property
    def effects(self) -> set[bytes]:
        """What those who say that it was done say."""
        return {body for status, body, _ in self.answers if httpx.codes.is_success(status)}


class Asker:
    """Asks any of ``urls`` as somebody at ``address``."""

    def __init__(self, urls: list[str], chance: Random, address: str) -> None:
        self.urls = urls
        self.chance = chance
        self.samples: list[Sample] = []
        self.commands: list[Command] = []
        self.http = httpx.Client(
            timeout=TIMEOUT, headers={"X-Forwarded-For": address}, trust_env=False, verify=trusted()
        )

    def new_command(self, path: str, body: Mapping[str, Any]) -> Command:
        command = Command(str(uuid.UUID(int=self.chance.getrandbits(128))), path, body)
        self.commands.append(command)
        return command

    def carry_out(self, asked: str, command: Command) -> httpx.Response:
        """The command's answer; asked for again under the same key until there is one, and now and then once more."""
        answer = self._keyed(asked, command)
        if self.chance.random() < 0.1:
            self._keyed(asked, command)
        return answer

    def ask(self, asked: str, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer of whichever process gives one.

        Raises:
            NoAnswer
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            answer = self.once(asked, method, self.chance.choice(self.urls) + path, **options)
            if answer is not None and not _is_passing(answer):
                return answer
            time.sleep(self.chance.uniform(0.1, 0.4))
        raise NoAnswer(f"{method} {path}")

    def once(self, asked: str, method: str, url: str, **options: Any) -> httpx.Response | None:
        """One try; None where the connection broke."""
        began = time.monotonic()
        try:
            answer = self.http.request(method, url, **options)
        except httpx.TransportError as error:
            missed = NOBODY if isinstance(error, httpx.ConnectError) else CUT
            self.samples.append(Sample(asked, began, time.monotonic(), missed))
            return None
        self.samples.append(Sample(asked, began, time.monotonic(), answer.status_code, code_of(answer)))
        return answer

    def _keyed(self, asked: str, command: Command) -> httpx.Response:
        answer = self.ask(asked, "POST", command.path, json=command.body, headers={KEY_HEADER: command.key})
        command.answers.append((answer.status_code, answer.content, REPLAYED_HEADER in answer.headers))
        return answer


def code_of(answer: httpx.Response) -> str:
    """The code of a refusal in the one shape of errors."""
    if not answer.is_error or not answer.headers.get("Content-Type", "").startswith("application/json"):
        return ""
    return str(answer.json().get("code", ""))


def _is_passing(answer: httpx.Response) -> bool:
    """Asking again is what the answer asks for."""
    return answer.status_code == httpx.codes.SERVICE_UNAVAILABLE or code_of(answer) == "in_flight"
