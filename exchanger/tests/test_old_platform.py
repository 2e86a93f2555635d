"""What the environment may say of an older platform's sessions; nothing of it is needed, and half of it is refused."""

from datetime import UTC, datetime

import pytest

from exchanger.environment import WrongEnvironment
from exchanger.kernel.contexts import Context
from exchanger.kernel.old_sessions import CookieKind, OldCookie, OldPlatform
from exchanger.testing.configuration import settings_of
from exchanger.testing.production import production_environment

COOKIES = "connect.sid=web:express, admin.sid=admin:token:op:session:,sessionid=admin:django"
WHOLE = {
    "EXCHANGER_LEGACY_SESSION_COOKIES": COOKIES,
    "EXCHANGER_LEGACY_COOKIE_SECRETS": "new,old",
    "EXCHANGER_LEGACY_SECRET_KEYS": "django",
    "EXCHANGER_LEGACY_REDIS_URL": "redis://reader:p@old:6379/0",
    "EXCHANGER_LEGACY_UNTIL": "2026-11-23T04:00:00Z",
}


def known(context: Context | None, environment: dict[str, str]) -> OldPlatform:
    found: OldPlatform = settings_of({**production_environment(context), **environment})["OLD_PLATFORM"]
    return found


@pytest.mark.parametrize("context", [*Context, None])
def test_a_process_that_is_told_nothing_knows_of_no_older_platform(context: Context | None) -> None:
    assert known(context, {}) == OldPlatform()


def test_a_process_takes_its_own_contexts_cookies_from_what_all_are_told() -> None:
    assert known(Context.WEB, WHOLE) == OldPlatform(
        (OldCookie("connect.sid", Context.WEB, CookieKind.EXPRESS, "sess:"),),
        ("new", "old"),
        ("django",),
        "redis://reader:p@old:6379/0",
        removes=False,
        until=datetime(2026, 11, 23, 4, tzinfo=UTC),
    )
    assert known(Context.ADMIN, WHOLE).cookies == (
        OldCookie("admin.sid", Context.ADMIN, CookieKind.TOKEN, "op:session:"),
        OldCookie("sessionid", Context.ADMIN, CookieKind.DJANGO, ":1:django.contrib.sessions.cache"),
    )


def test_who_has_no_old_cookies_never_asks_the_old_redis() -> None:
    told = known(Context.TELEGRAM, WHOLE)
    assert (told.cookies, told.redis_url) == ((), "")


def test_the_owner_who_moves_all_sessions_is_told_where_they_are_and_serves_nobody() -> None:
    told = known(None, {**WHOLE, "EXCHANGER_LEGACY_UNTIL": ""})
    assert (told.cookies, told.redis_url) == ((), "redis://reader:p@old:6379/0")


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"EXCHANGER_LEGACY_SESSION_COOKIES": "connect.sid"}, "connect.sid=web:express"),
        ({"EXCHANGER_LEGACY_SESSION_COOKIES": "connect.sid=bot:express"}, "connect.sid=web:express"),
        ({"EXCHANGER_LEGACY_SESSION_COOKIES": "connect.sid=web:rails"}, "connect.sid=web:express"),
        ({"EXCHANGER_LEGACY_SESSION_COOKIES": "=web:express"}, "connect.sid=web:express"),
        ({"EXCHANGER_LEGACY_SESSION_COOKIES": "sid=web:token,sid=admin:token"}, "one application"),
        ({"EXCHANGER_LEGACY_SESSION_COOKIES": "exchanger_web_session=web:token"}, "one application"),
        ({"EXCHANGER_LEGACY_COOKIE_SECRETS": ""}, "EXCHANGER_LEGACY_COOKIE_SECRETS is not set"),
        ({"EXCHANGER_LEGACY_UNTIL": ""}, "EXCHANGER_LEGACY_UNTIL is not set"),
        ({"EXCHANGER_LEGACY_UNTIL": "yesterday"}, "2026-11-23T04:00:00Z"),
        ({"EXCHANGER_LEGACY_UNTIL": "2026-11-23T04:00:00"}, "2026-11-23T04:00:00Z"),
        ({"EXCHANGER_LEGACY_REDIS_URL": "http://old:6379"}, "redis://reader:PASSWORD@HOST"),
        (
            {"EXCHANGER_LEGACY_SESSION_COOKIES": "sessionid=web:django", "EXCHANGER_LEGACY_SECRET_KEYS": ""},
            "EXCHANGER_LEGACY_SECRET_KEYS is not set",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_set(changed: dict[str, str], part: str) -> None:
    with pytest.raises(WrongEnvironment) as refused:
        known(Context.WEB, {**WHOLE, **changed})
    assert part in str(refused.value)
    assert ":p@" not in str(refused.value)
