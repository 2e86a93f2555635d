"""First of all: is a password asked for? Where one is not, nothing else that is tried proves anything."""

from collections.abc import Iterator, Mapping

import psycopg
import redis

from exchanger.isolation import matrix
from exchanger.isolation.attempts.deployment import Deployment
from exchanger.isolation.attempts.results import Answer, Expected, Happened, Result
from exchanger.isolation.credentials import login_roles
from exchanger.kernel.contexts import OWNER_ROLE, Context, database_name

SECTION = "Passwords"
_WRONG = "not-the-password"
_TRIED = {"log in with a wrong password": _WRONG, "log in without a password": ""}


_SUPERUSERS = "SELECT rolname FROM pg_roles WHERE rolsuper AND rolcanlogin ORDER BY oid"


def try_passwords(deployment: Deployment, owners: Mapping[str, psycopg.Connection]) -> Iterator[Result]:
    """A wrong password and none, for every login, at every database that it may connect to; for superusers as well."""
    for alias, owner in owners.items():
        database = database_name(alias)
        ours = [role for role in login_roles() if role == OWNER_ROLE or matrix.may_connect(role, database)]
        for role in [*ours, *(name for (name,) in owner.execute(_SUPERUSERS))]:
            for verb, password in _TRIED.items():
                yield _result(role, database, verb, _postgres(deployment, alias, role, password))
    for user in Context:
        for verb, password in _TRIED.items():
            yield _result(f"redis {user}", "redis", verb, _redis(deployment, user, password))


def _postgres(deployment: Deployment, alias: str, role: str, password: str) -> Answer:
    # libpq tells no SQLSTATE of a login. That the right password is taken right after shows what this one failed for.
    try:
        deployment.connect(alias, role, password=password).close()
    except psycopg.OperationalError as error:
        return Answer(Happened.REFUSED, str(error))
    return Answer(Happened.DONE, "no password is checked here: pg_hba.conf has trust, peer or the like")


def _redis(deployment: Deployment, user: str, password: str) -> Answer:
    with deployment.redis(None) as client:
        connection = client.connection_pool.get_connection()
        try:
            connection.send_command("AUTH", user, password, check_health=False)
            connection.read_response()
        except redis.AuthenticationError as error:
            return Answer(Happened.REFUSED, str(error))
        except redis.ResponseError as error:
            return Answer(Happened.FAILED, str(error))
        finally:
            connection.disconnect()
            client.connection_pool.release(connection)
    return Answer(Happened.DONE, "any password opens this user")


def _result(login: str, target: str, verb: str, answer: Answer) -> Result:
    return Result(SECTION, login, target, verb, Expected.REFUSED, answer, f"{verb}: {login} at {target}")
