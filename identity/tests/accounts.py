"""What the tests of accounts share: requests, the links of mails, and everything that a request could have changed."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

from django.core import signing
from django.db import connections
from rest_framework.test import APIClient

from identity.services.sessions import session_open

AUTH = "/api/v1/auth/"
NEW_PASSWORD = "an entirely new one"


def post(path, data=None, client=None):
    return (client or APIClient()).post(AUTH + path, data or {})


def bearer(user):
    """A client with a session of ``user`` in the context that the test is in."""
    return client_of(session_open(user=user).session_key)


def client_of(session_key):
    return APIClient(headers={"Authorization": f"Bearer {session_key}"})


def is_logged_in(client):
    return client.get(AUTH + "me").status_code == 200


def login(email, password):
    return post("login", {"email": email, "password": password, "transport": "bearer"})


def link(message):
    """The address in a mail's text."""
    return re.search(r"https?://\S+", message.body)[0]


def token(message):
    return parse_qs(urlsplit(link(message)).query)["token"][0]


def aged(purpose, user, seconds):
    """A token as it would have been made ``seconds`` ago."""

    class Past(signing.TimestampSigner):
        def timestamp(self):
            return signing.b62_encode(int(time.time()) - seconds)

    return Past(salt=purpose.name).sign_object({"user": str(user.pk), "mark": purpose.mark(user)})


def everything(world):
    """Each row of the tables that accounts are made of, each job, and each key save the counters of attempts."""
    identity, web = world.superuser("identity"), world.superuser("web")
    tables = ("users", "user_profiles", "sessions", "cache_invalidations")
    found = {table: sorted(identity.execute(f"SELECT t::text FROM {table} t").fetchall()) for table in tables}
    found["jobs"] = web.execute("SELECT id, status FROM procrastinate_jobs ORDER BY id").fetchall()
    with world.redis() as client:
        found["keys"] = sorted(key for key in client.keys("*") if b":throttle:" not in key)
    return found


def is_the_one_shape(answer, *fields):
    """Whether an answer is a 400 in the one error shape that names these fields."""
    said = answer.json()
    return answer.status_code == 400 and said["code"] == "invalid" and set(said["details"]) == set(fields)


def in_threads(*calls):
    """What each call returns, all begun at one moment, each with connections of its own."""
    together = Barrier(len(calls))

    def run(call):
        try:
            together.wait()
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
