"""What schemathesis knows of us; it runs in a virtual environment of its own, and meets our stack by HTTP alone."""

import os
from random import SystemRandom
from typing import Any

import requests
import schemathesis

from bench.contracts import telegram

CONTEXT = os.environ["CONTRACT_CONTEXT"]
URL = os.environ["CONTRACT_URL"]
PASSWORD = os.environ["CONTRACT_PASSWORD"]
WHO, ANOTHER = os.environ["CONTRACT_PEOPLE"].split(",")  # e-mail addresses, or Telegram's ids

chance = SystemRandom()  # not the usual one, which hypothesis sets back to repeat itself


def anywhere() -> str:
    """An address for one request: logins are held back by address, and nobody makes thousands of them from one."""
    return f"198.{chance.randint(18, 19)}.{chance.randint(0, 255)}.{chance.randint(0, 255)}"


def credentials(who: str) -> dict[str, str]:
    if CONTEXT == "telegram":
        return {"init_data": telegram.credentials(int(who))}
    return {"email": who, "password": PASSWORD}


def open_session(who: str) -> str:
    answer = requests.post(
        f"{URL}/api/v1/auth/login",
        json={**credentials(who), "transport": "bearer"},
        headers={"X-Forwarded-For": anywhere()},
        timeout=10,
    )
    answer.raise_for_status()
    key: str = answer.json()["session_key"]
    return key


@schemathesis.auth(refresh_interval=None)
class Bearer:
    """One session for all requests, but for those that end sessions, and may end this one from another."""

    key = open_session(WHO)

    def get(self, case: Any, context: Any) -> str:
        match operation_id(case):
            case "logout" | "end_session":
                return open_session(WHO)
            case "end_other_sessions" | "change_password":
                return open_session(ANOTHER)
        return Bearer.key

    def set(self, case: Any, key: str, context: Any) -> None:
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {key}"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    case.headers = case.headers or {}
    case.headers["X-Forwarded-For"] = anywhere()
    if operation_id(case) in ("login", "telegram_login") and case.meta and case.meta.generation.mode.is_positive:
        case.body = {**case.body, **credentials(WHO)}


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    sent = response.request.headers.get("Authorization")
    if response.status_code == 401 and sent == f"Bearer {Bearer.key}":
        Bearer.key = open_session(WHO)


@schemathesis.check
def declared_code(context: Any, response: Any, case: Any) -> None:
    """Every error is in the one shape, with a code that the operation states for this status."""
    if response.status_code < 400 or response.status_code == 405:
        return
    error = response.json()
    assert set(error) == {"code", "message", "details"}, error
    stated = case.operation.definition.raw["responses"][str(response.status_code)]
    codes = stated["content"]["application/json"]["examples"]
    assert error["code"] in codes, f"{response.status_code} {error['code']!r} is not one of {sorted(codes)}"


def operation_id(case: Any) -> str:
    name: str = case.operation.definition.raw["operationId"]
    return name
