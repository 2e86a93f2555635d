"""Clients that use the web processes while things break, and a record of what each request met."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import httpx

from bench.drilling.draft import DRAFT
from bench.drilling.fleet import Fleet
from bench.drilling.headers import STATEMENTS, UNANSWERED
from exchanger.kernel.http import trusted

LOGIN, LOGOUT, ME = "/api/v1/auth/login", "/api/v1/auth/logout", "/api/v1/auth/me"
PASSWORD = "correct horse battery"  # noqa: S105  (of people who live for a minute)
READ_PAUSE = 0.02  # seconds between two requests: enough for a load, and cores are left for the processes
WRITE_PAUSE = 0.05
LOGIN_TURNS = 3  # of a writer: hashing a password costs more than all the rest
LASTING = 2  # sessions that a writer saves in from beginning to end, beside the newest
PATIENCE = 15  # seconds


class Kind(Enum):
    """What was asked, and the status that it answers with when all is well."""

    READ = "read", 200  # of a session that is read all the time
    LOGIN = "login", 200
    SAVE = "save", 204
    READ_BACK = "read what was saved", 200
    LOGOUT = "logout", 204
    READ_ENDED = "read after logout", 401

    @property
    def status(self) -> int:
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Sample:
    """One request. Times are monotonic seconds; ``status`` is 0 where the connection broke."""

    kind: Kind
    process: int
    began: float
    ended: float
    status: int
    code: str = ""  # of an error in the one shape; why there was no answer
    retry_after: bool = False
    statements: int = 0
    unanswered: int = 0  # commands to Redis
    right: bool = True  # False: the answer is not what had been saved

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass(slots=True)
class Held:
    """A session, and what its holder may expect of it."""

    key: str
    email: str
    numbers: set[int | None] = field(default_factory=lambda: {None})  # one of them is saved; the last acknowledged one
    ended: bool | None = False  # None: a logout got no clear answer, so it is either

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


class Client:
    """Sends requests as somebody at ``address``, to the process ``home`` or to another if that one is gone."""

    def __init__(self, fleet: Fleet, home: int, address: str) -> None:
        self.fleet = fleet
        self.home = home
        self.samples: list[Sample] = []
        self._http = httpx.Client(
            timeout=PATIENCE, headers={"X-Forwarded-For": address}, trust_env=False, verify=trusted()
        )

    def close(self) -> None:
        self._http.close()

    def log_in(self, email: str) -> Held | None:
        wanted = {"email": email, "password": PASSWORD, "transport": "bearer"}
        answer = self._ask(Kind.LOGIN, "POST", LOGIN, json=wanted)
        return Held(answer.json()["session_key"], email) if answer is not None and answer.is_success else None

    def read(self, held: Held) -> None:
        self._ask(Kind.READ, "GET", ME, held, expect=("email", {held.email}))

    def save(self, held: Held, number: int) -> None:
        answer = self._ask(Kind.SAVE, "PUT", DRAFT, held, json={"number": number})
        held.numbers = {number} if answer is not None and answer.is_success else held.numbers | {number}

    def read_back(self, held: Held) -> None:
        self._ask(Kind.READ_BACK, "GET", DRAFT, held, expect=("number", held.numbers))

    def log_out(self, held: Held) -> None:
        answer = self._ask(Kind.LOGOUT, "POST", LOGOUT, held)
        held.ended = True if answer is not None and (answer.is_success or _code(answer) == "end_unconfirmed") else None

    def read_ended(self, held: Held) -> None:
        self._ask(Kind.READ_ENDED, "GET", ME, held)

    def _ask(
        self,
        kind: Kind,
        method: str,
        path: str,
        held: Held | None = None,
        *,
        json: Any = None,
        expect: tuple[str, set[Any]] | None = None,
    ) -> httpx.Response | None:
        began = time.monotonic()
        answer: httpx.Response | None = None
        problem = ""
        for number in (self.home, self.home + 1):
            process, url = self.fleet.route(number)
            try:
                answer = self._http.request(method, url + path, headers=held.headers() if held else None, json=json)
                break
            except httpx.ConnectError as error:
                problem = repr(error)
                continue  # it never arrived: any request may go to the next process
            except httpx.TransportError as error:
                problem = repr(error)
                if method != "GET":
                    break  # it may have been carried out
        self.samples.append(_sample(kind, process, began, problem if answer is None else answer, expect))
        return answer


def _sample(
    kind: Kind, process: int, began: float, answer: httpx.Response | str, expect: tuple[str, set[Any]] | None
) -> Sample:
    ended = time.monotonic()
    if isinstance(answer, str):
        return Sample(kind, process, began, ended, 0, answer)
    right = expect is None or not answer.is_success or answer.json()[expect[0]] in expect[1]
    return Sample(
        kind,
        process,
        began,
        ended,
        answer.status_code,
        "" if answer.is_success else _code(answer),
        "Retry-After" in answer.headers,
        int(answer.headers.get(STATEMENTS, 0)),
        int(answer.headers.get(UNANSWERED, 0)),
        right,
    )


def _code(answer: httpx.Response) -> str:
    """The code of an error in the one shape; anything else has none."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    return str(body["code"]) if isinstance(body, dict) and set(body) == {"code", "message", "details"} else ""


class Reader:
    """Reads ``/me`` with sessions of its own, one after the other."""

    def __init__(self, client: Client, emails: Iterable[str]) -> None:
        self.client = client
        self.living = [held for email in emails if (held := client.log_in(email))]
        if not self.living:
            raise RuntimeError("Nobody could log in, before anything was broken.")

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            for held in self.living:
                self.client.read(held)
                stop.wait(READ_PAUSE)


class Writer:
    """Saves in a few sessions in turn and reads back; logs in now and then, and out of every second session.

    It also reads back the session whose turn comes next: what was saved in one phase is so read in another.
    """

    def __init__(self, client: Client, email: str) -> None:
        self.client = client
        self.email = email
        self.living: list[Held] = []
        self.left: list[Held] = []  # logged out, or it was tried

    def run(self, stop: threading.Event) -> None:
        turn = 0
        while not stop.is_set():
            if turn % LOGIN_TURNS == 0 and (fresh := self.client.log_in(self.email)):
                self.living.append(fresh)
            if self.living:
                self._save(turn)
            if len(self.living) > LASTING and turn % (2 * LOGIN_TURNS) == 1:
                self._leave(self.living.pop())
            turn += 1
            stop.wait(WRITE_PAUSE)

    def _save(self, turn: int) -> None:
        in_use = [*self.living[:LASTING], self.living[-1]]
        held = in_use[turn % len(in_use)]
        self.client.save(held, turn)
        self.client.read_back(held)
        self.client.read_back(in_use[(turn + 1) % len(in_use)])

    def _leave(self, held: Held) -> None:
        self.left.append(held)
        self.client.log_out(held)
        if held.ended:
            self.client.read_ended(held)
