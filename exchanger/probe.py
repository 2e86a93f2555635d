"""``python -m exchanger.probe [PATH]``: exit status 0 when the server of this container answers 200, else 1.

For the container's health check, whose image has no curl. The request names a host that the process answers to:
Django refuses one that comes to a bare address.
"""

import http.client
import os
import sys

TIMEOUT = 3  # seconds


def host() -> str:
    """The first of ALLOWED_HOSTS; of ``.example.com``, which stands for every name below, the domain itself."""
    return os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".") or "localhost"


def probe(path: str, port: int) -> str | None:
    """What is wrong with the answer to ``GET path``, or None."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request("GET", path, headers={"Host": host()})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{path} did not answer ({type(error).__name__})"
    finally:
        connection.close()
    return None if status == http.HTTPStatus.OK else f"{path} answered {status}"


def main(arguments: list[str]) -> int:
    path = arguments[0] if arguments else "/healthz"
    problem = probe(path, int(os.environ.get("GRANIAN_PORT", "8000")))
    if problem is not None:
        print(problem, file=sys.stderr)
    return 0 if problem is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
