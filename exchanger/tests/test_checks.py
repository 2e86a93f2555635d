"""Each configuration mistake has its finding, and a good configuration has none."""

import subprocess
import sys
from typing import Any

import pytest
from django.core.cache import caches
from django.core.checks import run_checks
from django.db import connections
from django.test import override_settings

from exchanger.checks import refuse_errors
from exchanger.checks.findings import TAG
from exchanger.environment import WrongEnvironment
from exchanger.kernel.contexts import Context
from exchanger.local.paths import CHECKOUT
from exchanger.testing.configuration import findings, process
from exchanger.testing.production import production_environment
from exchanger.testing.servers import TestServers

WEB = production_environment(Context.WEB)
ADMIN = production_environment(Context.ADMIN)
LOCAL = {
    "IDENTITY_DATABASE_URL": "postgresql://exchanger_web:p@/exchanger_identity?host=%2Frun%2Fsockets",
    "WEB_DATABASE_URL": "postgresql://exchanger_web:p@127.0.0.1/exchanger_web",
}


def url(login: str, rest: str = "postgres.exchanger.example:5432/exchanger_web") -> dict[str, str]:
    return {"WEB_DATABASE_URL": f"postgresql://{login}@{rest}"}


def redis(login: str) -> dict[str, str]:
    return {"REDIS_URL": f"redis://{login}redis.exchanger.example:6379/0"}


@pytest.mark.parametrize("context", [*Context, None])
def test_a_good_configuration_has_no_finding(context: Context | None) -> None:
    with process(production_environment(context)):
        assert findings() == set()


@pytest.mark.parametrize("context", [*Context, None])
def test_the_local_run_has_no_finding(servers: TestServers, context: Context | None) -> None:
    with process(servers.environments.for_process(context or "")):
        assert findings() == set()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (url("exchanger_owner:p"), "E001"),
        (url("postgres:p"), "E001"),
        (url("exchanger_backup:p"), "E001"),
        (url("exchanger_admin:p"), "E002"),
        (url("", "h/exchanger_web?user=exchanger_admin&password=p"), "E002"),
        (url("exchanger_web"), "E004"),
        (url("exchanger_web:p", "h/exchanger_other"), "E005"),
        (url("exchanger_web:p", "h/exchanger_web?dbname=exchanger_admin"), "E005"),
        (url("exchanger_web:p", "h:6432/exchanger_web"), "W002"),
        ({"ADMIN_DATABASE_URL": "postgresql://exchanger_admin:p@h/exchanger_admin"}, "E010"),
        ({"BOT_DATABASE_URL": "postgresql://exchanger_telegram:p@h/exchanger_bot"}, "E010"),
        ({"EXCHANGER_ADMIN_PASSWORD": "p"}, "E011"),
        ({"EXCHANGER_WEB_PASSWORD": "p"}, "E011"),
        ({"EXCHANGER_OWNER_PASSWORD": "p"}, "E011"),
        ({"EXCHANGER_REDIS_ADMIN_PASSWORD": "p"}, "E011"),
        ({"SUPERUSER_DSN": "postgresql://postgres:p@h/postgres"}, "E012"),
        ({"REDIS_SUPERUSER_URL": "redis://root:p@h"}, "E012"),
        ({"REDIS_SUPERUSER_PASSWORD": "p"}, "E012"),
        ({"POSTGRES_PASSWORD": "p"}, "W011"),
        ({"ADMIN_SECRET_KEY": "s"}, "E013"),
        ({"OPERATORS_FACTOR_SECRET": "s"}, "E013"),
        ({"TELEGRAM_WEBHOOK_SECRET": "s"}, "E013"),
        (redis("admin:p@"), "E020"),
        (redis(":p@"), "E020"),
        (redis("web@"), "E021"),
        ({"REDIS_TIMEOUT": "0"}, "E025"),
        ({"REDIS_TIMEOUT": "-1"}, "E025"),
        ({"REDIS_TIMEOUT": "2.5"}, "W020"),
        ({"DEBUG": "true"}, "E030"),
        ({"SECRET_KEY": "change-me" * 9}, "E031"),
        ({"SECRET_KEY": "django-insecure-" + "x" * 50}, "E031"),
        ({"SECRET_KEY": "x" * 49}, "E032"),
        ({"ACTING_SECRET": "x" * 49}, "E035"),
        ({"EVENTS_SECRET": "x" * 49}, "E036"),
        ({"SECURE_COOKIES": "false", "SECURE_SSL_REDIRECT": "true"}, "E040"),
        ({"ALLOWED_HOSTS": "web.exchanger.example,*"}, "E041"),
        ({"SECURE_HSTS_SECONDS": "0"}, "W040"),
        ({"SECURE_SSL_REDIRECT": "false"}, "W041"),
        ({"BEHIND_TLS_PROXY": "false"}, "W042"),
        ({"CSRF_TRUSTED_ORIGINS": "http://web.exchanger.example"}, "W043"),
        ({"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, "W044"),
        ({"EMAIL_HOST": ""}, "W045"),
        ({"PUBLIC_WEB_URL": "http://web.exchanger.example"}, "W046"),
        ({"PUBLIC_WEB_URL": ""}, "W046"),
    ],
)
def test_a_wrong_variable_is_found(change: dict[str, str], found: str) -> None:
    with process({**WEB, **change}):
        assert findings() == {f"exchanger.{found}"}


def test_two_aliases_of_one_database_are_found() -> None:
    with process({**ADMIN, "BOT_DATABASE_URL": ADMIN["WEB_DATABASE_URL"]}):
        assert findings() == {"exchanger.E005", "exchanger.E006"}


def test_one_name_on_two_servers_is_two_databases() -> None:
    with process({**ADMIN, "BOT_DATABASE_URL": ADMIN["WEB_DATABASE_URL"].replace("5432", "5433")}):
        assert findings() == {"exchanger.E005"}


@pytest.mark.parametrize("login", ["postgres", "exchanger_web"])
def test_maintenance_that_is_not_the_owner_is_found(login: str) -> None:
    with process({**production_environment(None), "WEB_DATABASE_URL": f"postgresql://{login}:p@h/exchanger_web"}):
        assert findings() == {"exchanger.E003"}


def test_maintenance_with_redis_is_found() -> None:
    with process({**production_environment(None), "REDIS_URL": "redis://web:p@h:6379/0"}):
        assert findings() == {"exchanger.W010"}


def test_pgbouncer_that_is_named_is_no_mistake() -> None:
    with process({**WEB, **url("exchanger_web:p", "h:6432/exchanger_web"), "PGBOUNCER": "true"}):
        assert findings() == set()


def test_a_client_certificate_is_as_good_as_a_password() -> None:
    with process({**WEB, **url("exchanger_web", "h/exchanger_web?sslcert=%2Frun%2Fweb.crt")}):
        assert findings() == set()


def test_a_process_that_ends_tls_itself_needs_no_proxy() -> None:
    with process({**WEB, "BEHIND_TLS_PROXY": "false", "GRANIAN_SSL_CERTIFICATE": "/run/tls.crt"}):
        assert findings() == set()


@pytest.mark.parametrize(
    "change",
    [
        {"DEBUG": "true"},
        {"SECURE_COOKIES": "false", "SECURE_HSTS_SECONDS": "0"},
        {"ALLOWED_HOSTS": "*"},
        {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"},
    ],
)
def test_what_is_fit_for_one_machine_is_no_mistake_there(change: dict[str, str]) -> None:
    with process({**WEB, **LOCAL, **change}):
        assert findings() == set()


def test_one_remote_database_ends_the_local_run() -> None:
    remote = {"IDENTITY_DATABASE_URL": WEB["IDENTITY_DATABASE_URL"]}
    with process({**WEB, **LOCAL, **remote, "DEBUG": "true"}):
        assert findings() == {"exchanger.E030"}


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("DATABASE_ROUTERS", [], "E050"),
        ("SESSION_ENGINE", "django.contrib.sessions.backends.cached_db", "E051"),
        ("AUTH_USER_MODEL", "auth.User", "E052"),
        ("AUTHENTICATION_BACKENDS", ["django.contrib.auth.backends.ModelBackend"], "E053"),
        ("USE_TZ", False, "E054"),
        ("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"], "E055"),
        ("PASSWORD_HASHERS", ["django.contrib.auth.hashers.MD5PasswordHasher"], "E056"),
        ("SESSION_COOKIE_NAME", "exchanger_admin_session", "E060"),
        ("CSRF_COOKIE_NAME", "csrftoken", "E061"),
        ("SESSION_COOKIE_DOMAIN", ".exchanger.example", "E062"),
        ("CSRF_COOKIE_DOMAIN", ".exchanger.example", "E063"),
        ("SESSION_COOKIE_HTTPONLY", False, "E064"),
        ("SESSION_COOKIE_SAMESITE", "None", "E065"),
        ("ROOT_URLCONF", "exchanger.urls.admin", "E066"),
        ("PROCRASTINATE_DATABASE_ALIAS", "admin", "E067"),
    ],
)
def test_a_setting_bent_after_the_wiring_is_found(name: str, value: Any, found: str) -> None:
    with process(WEB), override_settings(**{name: value}):
        assert findings() == {f"exchanger.{found}"}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"KEY_FUNCTION": None}, "E023"),
        ({"REVERSE_KEY_FUNCTION": None}, "E023"),
        ({"OPTIONS": {"SERIALIZER": "django_redis.serializers.pickle.PickleSerializer"}}, "E022"),
        ({"OPTIONS": {"IGNORE_EXCEPTIONS": True}}, "E024"),
        ({"OPTIONS": {"SOCKET_TIMEOUT": None}}, "E025"),
        ({"OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 30}}, "W020"),
        ({"LOCATION": ["redis://admin:p@h:6379/0"]}, "E020"),
    ],
)
def test_a_bent_cache_is_found(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], found: str) -> None:
    with process(WEB) as values:
        wired = values["CACHES"]["default"]
        options = {**wired["OPTIONS"], **changes.get("OPTIONS", {})}
        monkeypatch.setitem(caches.settings, "default", {**wired, **changes, "OPTIONS": options})
        assert findings() == {f"exchanger.{found}"}


def test_a_second_cache_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with process(WEB):
        monkeypatch.setitem(caches.settings, "other", {**caches.settings["default"], "LOCATION": "redis://h:6379/0"})
        assert findings() == {"exchanger.E020", "exchanger.E021"}


def test_a_database_beyond_the_context_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with process(WEB):
        wired = connections.settings["web"]
        monkeypatch.setitem(connections.settings, "admin", {**wired, "NAME": "exchanger_admin"})
        assert findings() == {"exchanger.E007"}


def test_a_second_way_to_an_own_database_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with process(WEB):
        monkeypatch.setitem(connections.settings, "default", connections.settings["web"])
        assert findings() == {"exchanger.E007"}


def test_connecting_for_each_request_is_found_unless_there_is_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    with process(WEB):
        wired = connections.settings["web"]
        monkeypatch.setitem(connections.settings, "web", {**wired, "CONN_MAX_AGE": 0})
        assert findings() == {"exchanger.W001"}
        pooled = {**wired, "CONN_MAX_AGE": 0, "OPTIONS": {**wired["OPTIONS"], "pool": True}}
        monkeypatch.setitem(connections.settings, "web", pooled)
        assert findings() == set()


@pytest.mark.parametrize("name", ["EVENTS_SECRET", "ACTING_SECRET"])
def test_the_panel_has_no_part_in_what_web_and_telegram_sign(name: str) -> None:
    with process({**ADMIN, name: "x" * 50}):
        assert findings() == {"exchanger.E013"}


@pytest.mark.parametrize("secret", ["x" * 49, "x" * 50 + ",", "x" * 50 + ",short"])
def test_what_encrypts_operators_factors_is_long(secret: str) -> None:
    with process({**ADMIN, "OPERATORS_FACTOR_SECRET": secret}):
        assert findings() == {"exchanger.E033"}


@pytest.mark.parametrize("secret", ["x" * 31, "x" * 257, "x" * 32 + ".", "x" * 32 + "\n"])
def test_what_telegram_shows_at_the_webhook_is_long_and_what_it_allows(secret: str) -> None:
    telegram = production_environment(Context.TELEGRAM)
    with process({**telegram, "TELEGRAM_WEBHOOK_SECRET": secret}):
        assert findings() == {"exchanger.E037"}
    with process({**telegram, "TELEGRAM_WEBHOOK_SECRET": "x" * 32}):
        assert findings() == set()


def test_every_finding_hints_at_what_to_do() -> None:
    mistakes = {
        **url("postgres", "h:6432/wrong"),
        **redis(""),
        "DEBUG": "true",
        "SECRET_KEY": "short",
        "ADMIN_SECRET_KEY": "s",
        "ALLOWED_HOSTS": "*",
    }
    with process({**WEB, **mistakes}):
        found = run_checks(tags=[TAG], include_deployment_checks=True)
    assert len(found) >= 8
    assert all(message.hint and message.id for message in found)


def test_no_finding_repeats_a_password() -> None:
    mistakes = {**url("postgres:hunter2", "h/wrong"), **redis("admin:hunter2@"), "EXCHANGER_ADMIN_PASSWORD": "hunter2"}
    with process({**WEB, **mistakes}):
        found = run_checks(tags=[TAG], include_deployment_checks=True)
    assert len(found) == 4
    assert "hunter2" not in "".join(map(str, found))


def test_a_server_refuses_to_start_with_an_error() -> None:
    mistaken = {**WEB, **url("exchanger_admin:p")}
    with process(mistaken), pytest.raises(WrongEnvironment, match=r"exchanger\.E002") as refused:
        refuse_errors()
    assert "\n" not in str(refused.value)


def test_a_server_starts_with_a_warning() -> None:
    with process({**WEB, "REDIS_TIMEOUT": "2.5"}):
        assert findings() == {"exchanger.W020"}
        refuse_errors()


def test_a_silenced_error_is_the_operators_own_choice() -> None:
    with process({**WEB, **url("exchanger_web")}), override_settings(SILENCED_SYSTEM_CHECKS=["exchanger.E004"]):
        refuse_errors()


def test_the_wsgi_module_refuses_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import exchanger.wsgi"],
        cwd=CHECKOUT,
        env={**WEB, **url("exchanger_admin:p")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 78
    [line] = done.stderr.splitlines()
    assert "WEB_DATABASE_URL" in line
    assert "exchanger_web" in line
