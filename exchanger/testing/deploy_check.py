"""``python -m exchanger.testing.deploy_check``: every kind of process passes ``check --deploy`` as in production.

Not a management command: a process has one environment for life, and this needs four. No server is asked.
"""

import os
import subprocess
import sys

from exchanger.kernel.contexts import Context
from exchanger.local.paths import CHECKOUT
from exchanger.testing.production import production_environment

COMMAND = ("manage.py", "check", "--deploy", "--fail-level", "WARNING")


def main() -> int:
    """Print a line for each kind of process, and what a failing one said; the exit status is 1 if any failed."""
    failed = 0
    for context in (*Context, None):
        done = run(production_environment(context))
        print(f"{context or 'maintenance':<12} {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
        if done.returncode != 0:
            failed += 1
            print(done.stdout + done.stderr, file=sys.stderr)
    return 1 if failed else 0


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """``check --deploy`` in a process that has ``environment`` and the path to programs, and nothing else."""
    return subprocess.run(
        [sys.executable, *COMMAND],
        cwd=CHECKOUT,
        env={"PATH": os.environ.get("PATH", os.defpath), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main())
