"""Where the local run keeps its things: all under one folder, the sockets elsewhere only if the path is too long."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
SOCKET_PATH_LIMIT = 100  # bytes; the kernel's is 108 on Linux and 104 on macOS
_LONGEST_SOCKET = ".s.PGSQL.5432.lock"


@dataclass(frozen=True, slots=True)
class LocalPaths:
    """The folders of one set of local servers; ``root`` is absolute."""

    root: Path

    @property
    def postgres_data(self) -> Path:
        return self.root / "postgres"

    @property
    def valkey_data(self) -> Path:
        return self.root / "valkey"

    @property
    def environments(self) -> Path:
        return self.root / "env"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def static(self) -> Path:
        return self.root / "static"

    @property
    def reports(self) -> Path:
        """The files of the operators' reports."""
        return self.root / "reports"

    @property
    def sockets(self) -> Path:
        """A folder whose sockets fit the kernel's limit."""
        near = self.root / "run"
        if len(os.fsencode(near / _LONGEST_SOCKET)) <= SOCKET_PATH_LIMIT:
            return near
        digest = hashlib.sha256(f"{self.root}:{os.getuid()}".encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"exchanger-{digest}"

    @property
    def card_processor(self) -> Path:
        """What the sandbox of a card processor remembers."""
        return self.root / "card_processor.sqlite"

    @property
    def lock(self) -> Path:
        return self.root / "servers.lock"

    @property
    def users(self) -> Path:
        return self.root / "users.lock"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its user can read; whoever reads it meanwhile sees the old or the new one, whole."""
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)


def checkout_paths() -> LocalPaths:
    """The local servers of this checkout: ``.local/`` beside manage.py, or the folder EXCHANGER_LOCAL_DIR."""
    return LocalPaths(Path(os.environ.get("EXCHANGER_LOCAL_DIR") or CHECKOUT / ".local").resolve())
