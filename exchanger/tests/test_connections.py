"""The pool that pins a connection to each thread, on the real server."""

import os
import subprocess
import sys
import threading

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MaxConnectionsError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from exchanger.kernel.cache.access import redis_client
from exchanger.kernel.cache.connections import LeanClient, ThreadPinnedPool

KEY = "cache:web:rates:usd_uah"
IN_A_CHILD = """
import os, sys
from exchanger.kernel.cache.connections import LeanClient, ThreadPinnedPool

client = LeanClient(connection_pool=ThreadPinnedPool.from_url(os.environ["POOL_URL"], protocol=2, driver_info=None))
mine = client.client_id()
child = os.fork()
if child == 0:
    os._exit(0 if client.client_id() != mine else 1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(status or (0 if client.client_id() == mine else 2))
"""


@pytest.fixture
def superuser(world):
    with world.redis() as client:
        yield client


@pytest.fixture
def client(world, superuser):
    """A client of a pinned pool that may ask for its connection's id, which a context's user may not."""
    pool = ThreadPinnedPool.from_url(_url(superuser), protocol=2, driver_info=None, socket_timeout=5)
    with LeanClient(connection_pool=pool) as client:
        yield client
    pool.close()


def _url(superuser):
    known = superuser.connection_pool.connection_kwargs
    return f"unix://{known['username']}:{known['password']}@{known['path']}"


def open_connections(superuser):
    return {int(found["id"]) for found in superuser.client_list()} - {superuser.client_id()}


def in_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.context("web")
def test_the_cache_of_a_context_is_wired_to_it():
    assert isinstance(redis_client(), LeanClient)
    assert isinstance(redis_client().connection_pool, ThreadPinnedPool)
    redis_client().set(KEY, b"1")
    assert redis_client().get(KEY) == b"1"


def test_a_thread_keeps_one_connection_for_all_its_commands(client, superuser):
    before = open_connections(superuser)
    mine = client.client_id()
    with client.pipeline(transaction=False) as pipeline:
        pipeline.client_id()
        pipeline.client_id()
        assert pipeline.execute() == [mine, mine]
    assert client.register_script("return ARGV[1]")(args=["1"]) == b"1"
    assert client.client_id() == mine
    assert open_connections(superuser) - before == {mine}
    assert in_thread(client.client_id) != mine
    assert client.client_id() == mine


def test_a_thread_that_ended_leaves_no_connection_open(client, superuser):
    theirs = in_thread(client.client_id)
    assert theirs not in open_connections(superuser)


def test_more_threads_than_connections_may_come_one_after_another(superuser):
    pool = ThreadPinnedPool.from_url(_url(superuser), protocol=2, driver_info=None, max_connections=2)
    client = LeanClient(connection_pool=pool)
    assert len({client.client_id(), *(in_thread(client.client_id) for _ in range(3))}) == 4
    with client.pipeline() as one, client.pipeline() as other:
        one.watch("a")
        other.watch("a")
        with pytest.raises(MaxConnectionsError):
            client.client_id()
    assert client.client_id()
    pool.close()


def test_a_connection_in_use_is_not_given_twice(client, superuser):
    mine = client.client_id()
    with client.pipeline() as pipeline:
        pipeline.watch("a")
        other = client.client_id()
        assert other != mine
        pipeline.multi()
        pipeline.client_id()
        assert pipeline.execute() == [mine]
    assert len(open_connections(superuser) & {mine, other}) == 1
    assert client.client_id() in {mine, other}


def test_a_connection_that_the_server_closed_is_replaced_before_the_next_command(client, superuser):
    mine = client.client_id()
    superuser.client_kill_filter(_id=mine)
    replaced = client.client_id()
    assert replaced != mine
    assert client.client_id() == replaced


def test_a_command_that_is_too_late_raises_and_its_answer_is_never_taken_for_the_next_ones(superuser):
    pool = ThreadPinnedPool.from_url(_url(superuser), protocol=2, driver_info=None, socket_timeout=0.1)
    client = LeanClient(connection_pool=pool)
    mine = client.client_id()
    superuser.client_pause(60_000, all=False)
    try:
        with pytest.raises(RedisTimeoutError):
            client.incr(KEY)
    finally:
        superuser.client_unpause()
    assert client.echo("mine") == b"mine"
    assert client.client_id() != mine
    pool.close()


def test_a_server_that_is_gone_raises_and_is_found_again(superuser, client):
    mine = client.client_id()
    pool = client.connection_pool
    path, pool.connection_kwargs["path"] = pool.connection_kwargs["path"], "/nowhere/valkey.sock"
    pool._mine.idle.path = "/nowhere/valkey.sock"
    superuser.client_kill_filter(_id=mine)
    with pytest.raises(RedisConnectionError):
        client.ping()
    pool.connection_kwargs["path"] = path
    pool._mine.idle.path = path
    assert client.ping()


def test_an_answer_that_nobody_read_is_never_taken_for_the_next_commands(client):
    pool = client.connection_pool
    connection = pool.get_connection()
    connection.send_command("ECHO", "yours")
    connection.can_read(timeout=5)  # it has come
    pool.release(connection)
    assert client.echo("mine") == b"mine"


def test_a_refused_command_raises_and_leaves_the_connection_usable(client):
    mine = client.client_id()
    with pytest.raises(ResponseError):
        client.execute_command("NOSUCHCOMMAND")
    assert client.client_id() == mine


def test_closing_the_pool_closes_the_connections_of_every_thread(client, superuser):
    ready, done = threading.Event(), threading.Event()
    theirs = []

    def hold():
        theirs.append(client.client_id())
        ready.set()
        done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait()
    held = {client.client_id(), *theirs}
    assert len(held) == 2
    assert held <= open_connections(superuser)
    client.connection_pool.disconnect()
    for _ in range(1000):  # the server reads that they are closed in its own time
        still_open = held & open_connections(superuser)
        if not still_open:
            break
    done.set()
    thread.join()
    assert still_open == set()


def test_a_forked_child_opens_its_own_and_leaves_its_parents_alone(superuser):
    child = subprocess.run(
        [sys.executable, "-c", IN_A_CHILD], env={**os.environ, "POOL_URL": _url(superuser)}, timeout=60, check=False
    )
    assert child.returncode == 0
