"""The whole check, in order: passwords first, then everything that they protect."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import psycopg

from exchanger.isolation import matrix
from exchanger.isolation.attempts import catalogue, functions, passwords, redis_commands, rows, server, tables
from exchanger.isolation.attempts.databases import Databases, attacked_roles
from exchanger.isolation.attempts.deployment import Deployment
from exchanger.isolation.attempts.postgres import Login
from exchanger.isolation.attempts.redis_keys import KeyAttempts
from exchanger.isolation.attempts.redis_server import RedisUser
from exchanger.isolation.attempts.results import Result
from exchanger.isolation.attempts.throwaway import throwaway
from exchanger.kernel.contexts import ALIASES, IDENTITY, OWNER_ROLE, Context


def try_everything(deployment: Deployment) -> list[Result]:
    """Every attempt. Where some password is not checked, only that: the rest would prove nothing.

    Raises:
        psycopg.OperationalError, redis.ConnectionError: a server is not reachable, or the owner cannot log in.
        CheckDisturbedError: a live process took away what the check had made.
    """
    with ExitStack() as opened:
        owners = {alias: opened.enter_context(closing(deployment.owner(alias))) for alias in ALIASES}
        users = [opened.enter_context(closing(RedisUser(deployment, user))) for user in (*Context, None)]
        results = list(passwords.try_passwords(deployment, owners))
        if not any(result.breach for result in results):
            results += _postgres(deployment, owners, opened)
            results += _redis(users)
        return results


def _postgres(deployment: Deployment, owners: dict[str, psycopg.Connection], opened: ExitStack) -> Iterator[Result]:
    databases = Databases(deployment, owners, opened)
    yield from databases.try_all()
    roles = attacked_roles()
    found = {alias: (tables.read_tables(owner), tables.read_sequences(owner)) for alias, owner in owners.items()}
    for login in databases.logins:
        yield from tables.try_tables(login, found[login.alias][0])
        yield from tables.try_sequences(login, found[login.alias][1])
        yield from functions.try_functions(login)
    for alias, owner in owners.items():
        yield from tables.ask_catalogue(owner, alias, found[alias][0], roles)
        yield from functions.ask_catalogue(owner, alias, roles)
    with closing(deployment.owner(IDENTITY)) as holder, throwaway(holder) as person:
        for login in databases.logins:
            if login.alias == IDENTITY:
                yield from rows.try_rows(login, person)
    for login in databases.logins:
        yield from server.try_server(login, owners[login.alias])
        yield from server.try_to_be_others(login, owners[login.alias])
    for alias in matrix.APPEND_ONLY:
        yield from server.try_append_only(Login(OWNER_ROLE, alias, owners[alias]))
    for alias, owner in owners.items():
        yield from catalogue.ask_roles(owner, alias)
        yield from catalogue.ask_faults(owner, alias)


def _redis(users: list[RedisUser]) -> Iterator[Result]:
    keys = KeyAttempts(users)
    try:
        yield from keys.try_all()
    finally:
        keys.sweep()
    for user in users:
        yield from redis_commands.try_commands(user)
