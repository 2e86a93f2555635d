"""Every environment variable that the code reads: when a process starts, and when a command asks for one."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from exchanger.environment import Environment
from exchanger.isolation.credentials import read_credentials
from exchanger.kernel.contexts import Context
from exchanger.local.paths import CHECKOUT
from exchanger.testing.configuration import settings_of
from exchanger.testing.production import production_environment

_PACKAGES = ("exchanger", "identity", "web", "admin_panel", "bot")
_ELSEWHERE = ("tests", "testing", "local", "demo", "migrations")  # not what a process in production runs
_READERS = {"text", "choice", "flag", "number", "seconds", "names", "required", "redis_url"}
_PYTHONS = {"os.environ.get", "os.getenv"}
_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|DEBUG")


def variables_read() -> set[str]:
    """The names, found by starting with a recording Environment and by reading the code for literal ones."""
    return {*_recorded(), *(name for path in sources() for name in _literal(path))}


def sources() -> Iterator[Path]:
    """The modules that a process in production can import."""
    for package in _PACKAGES:
        for path in sorted((CHECKOUT / package).rglob("*.py")):
            if not set(path.relative_to(CHECKOUT).parts) & set(_ELSEWHERE):
                yield path


def _recorded() -> set[str]:
    asked: set[str] = set()
    read = Environment._read

    def recording(self: Environment, kind: str, name: str, default: object) -> object:
        asked.add(name)
        return read(self, kind, name, default)

    def any_password(self: Environment, name: str, remedy: str) -> str:
        asked.add(name)
        return "any"

    with mock.patch.object(Environment, "_read", recording):
        for context in (*Context, None):
            settings_of(production_environment(context))
        with mock.patch.object(Environment, "required", any_password), mock.patch.dict(os.environ, {}, clear=True):
            read_credentials(Environment())
    return asked


def _literal(path: Path) -> Iterator[str]:
    """``env.text("NAME")``, ``os.environ.get("NAME")`` and ``os.environ["NAME"]``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        asked = _asked(node)
        if isinstance(asked, ast.Constant) and isinstance(asked.value, str) and _NAME.fullmatch(asked.value):
            yield asked.value


def _asked(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
        return node.slice
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
        return None
    reads = node.func.attr in _READERS or ast.unparse(node.func) in _PYTHONS
    return node.args[0] if reads else None
