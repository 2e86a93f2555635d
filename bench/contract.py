"""The API held against its own description, from outside: generated clients, and schemathesis with all its checks.

    make contract        or: python bench/contract.py [--context web] [--seed N] [--examples N]

On throwaway servers of its own with the demo's data. Exits with 1 if anything was found.
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from bench.contracts.stack import running  # noqa: E402
from exchanger.demo.accounts import CLIENT, EMMA, OPERATOR, PASSWORD, VIEWER  # noqa: E402
from exchanger.demo.people import FIRST_TELEGRAM_ID  # noqa: E402
from exchanger.kernel.contexts import Context  # noqa: E402

HERE = ROOT / "bench" / "contracts"
TOOLS = Path(os.environ.get("CONTRACT_VENV", ROOT / ".venv-contract")) / "bin"
PEOPLE = {
    Context.WEB: (CLIENT.email, EMMA.email),
    Context.ADMIN: (OPERATOR.email, VIEWER.email),
    Context.TELEGRAM: (str(FIRST_TELEGRAM_ID), str(FIRST_TELEGRAM_ID + 1)),
}


def generated_client(context: Context, url: str) -> bool:
    """Make a client from the description with a stock generator, and use it; whether all went as described."""
    print(f"\n=== openapi-python-client: {context}", flush=True)
    with TemporaryDirectory() as folder:
        package = f"exchanger_{context}_client"
        made = subprocess.run(
            [
                TOOLS / "openapi-python-client", "generate", "--url", f"{url}/api/schema/", "--meta", "none",
                "--output-path", f"{folder}/{package}", "--config", HERE / "generator.yaml", "--fail-on-warning",
            ],
            check=False,
        )  # fmt: skip
        if made.returncode:
            return False
        environment = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"}
        command = [TOOLS / "python", HERE / "client.py", context, url, package, PEOPLE[context][0], PASSWORD]
        used = subprocess.run(command, env=environment, check=False)
    print("It logged in, read, wrote and logged out." if used.returncode == 0 else "It FAILED.", flush=True)
    return used.returncode == 0


def schemathesis(context: Context, url: str, options: argparse.Namespace) -> bool:
    """All checks in all phases on one application; whether nothing was found."""
    print(f"\n=== schemathesis: {context}", flush=True)
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "bench.contracts.hooks",
        "PYTHONPATH": str(ROOT),
        "CONTRACT_CONTEXT": context,
        "CONTRACT_URL": url,
        "CONTRACT_PASSWORD": PASSWORD,
        "CONTRACT_PEOPLE": ",".join(PEOPLE[context]),
    }
    command = [
        TOOLS / "schemathesis", "--config-file", HERE / f"{context}.toml", "run", f"{url}/api/schema/",
        "--max-examples", str(options.examples), *(["--seed", str(options.seed)] if options.seed else []),
    ]  # fmt: skip
    with TemporaryDirectory() as folder:  # it writes down what it has found, to try that first the next time
        return subprocess.run(command, env=environment, cwd=folder, check=False).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--context", type=Context, action="append", help="only this application")
    parser.add_argument("--examples", type=int, default=50, help="how many requests schemathesis makes up an operation")
    parser.add_argument("--seed", type=int, help="to repeat a run")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    contexts = options.context or list(Context)
    with running() as applications:
        urls = {context: applications[context].url for context in contexts}
        held = [generated_client(context, url) for context, url in urls.items()]
        held += [schemathesis(context, url, options) for context, url in urls.items()]
    print(f"\n{'Nothing was found.' if all(held) else 'Something was FOUND: see above.'}")
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
