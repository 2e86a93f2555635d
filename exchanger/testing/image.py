"""The Dockerfile and .dockerignore as data: what the image would hold and run, without Docker."""

import json
import re
import shlex
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from exchanger.local.paths import CHECKOUT

DOCKERFILE = CHECKOUT / "Dockerfile"
IGNORED = CHECKOUT / ".dockerignore"


@dataclass(frozen=True, slots=True)
class Image:
    """The final stage: each instruction with its arguments, in order; and its predecessors."""

    stages: tuple[tuple[tuple[str, str], ...], ...]

    @classmethod
    def of_the_checkout(cls) -> "Image":
        text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text(encoding="utf-8"))
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        stages: list[list[tuple[str, str]]] = []
        for line in lines:
            instruction, _, arguments = line.partition(" ")
            if instruction == "FROM":
                stages.append([])
            if stages:
                stages[-1].append((instruction, arguments))
        return cls(tuple(tuple(stage) for stage in stages))

    def all(self, instruction: str) -> list[str]:
        """The arguments of each such instruction of the final stage."""
        return [arguments for name, arguments in self.stages[-1] if name == instruction]

    def runs(self) -> list[str]:
        """The shell commands of every stage."""
        return [arguments for stage in self.stages for name, arguments in stage if name == "RUN"]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that every container of the image starts with."""
        pairs = (word.partition("=") for line in self.all("ENV") for word in shlex.split(line))
        return {name: value for name, _, value in pairs}

    @property
    def command(self) -> list[str]:
        found = json.loads(self.all("CMD")[-1])
        return [str(word) for word in found]


def is_copied(path: Path) -> bool:
    """Whether ``COPY . .`` takes a file of the checkout (the last line of .dockerignore that fits decides)."""
    taken = True
    for line in IGNORED.read_text(encoding="utf-8").splitlines():
        pattern = line.lstrip("!")
        if line and not line.startswith("#") and _fits(path.relative_to(CHECKOUT), pattern):
            taken = line.startswith("!")
    return taken


def _fits(path: Path, pattern: str) -> bool:
    """A pattern fits a path, or a folder above it; ``**/`` before a name is any depth, none included."""
    names = [part.as_posix() for part in (path, *path.parents)][:-1]
    if pattern.startswith("**/"):
        return any(fnmatch(Path(name).name, pattern[3:]) for name in names)
    # One * does not cross a slash in .dockerignore; here it stands alone, for what is at the top.
    return any(fnmatch(name, pattern) for name in names)
