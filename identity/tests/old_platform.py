"""An older platform's sessions as its three kinds of store really keep them, and the cookies that browsers have."""

import base64
import hashlib
import hmac
import json
import pickle
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import redis
from django.utils.crypto import salted_hmac

from exchanger.kernel.old_sessions import KEY_PREFIXES, CookieKind, OldCookie, OldPlatform
from exchanger.local.environments import BOOTSTRAP

COOKIE_SECRET = "keyboard cat"
SECRET_KEY = "django-insecure-of-the-older-platform"
COOKIES = {CookieKind.EXPRESS: "connect.sid", CookieKind.DJANGO: "sessionid", CookieKind.TOKEN: "sid"}
KINDS = tuple(CookieKind)
HOUR = 3600
DJANGO_HASH_SALT = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"


def old_url(world):
    """The older platform's Redis: another database of the tests' server."""
    return world.environments.read(BOOTSTRAP)["REDIS_SUPERUSER_URL"].replace("db=0", "db=1")


def old_redis(world):
    return redis.Redis.from_url(old_url(world))


def platform(context, url="", **changed):
    """What a process of ``context`` knows of the older platform, its three cookies all the context's."""
    cookies = tuple(OldCookie(COOKIES[kind], context, kind, KEY_PREFIXES[kind]) for kind in KINDS)
    known = {"cookie_secrets": ("a newer secret", COOKIE_SECRET), "secret_keys": (SECRET_KEY,), "redis_url": url}
    return OldPlatform(cookies, **{"until": datetime.now(UTC), **known, **changed})


def value(kind, user, seconds=HOUR, **fields):
    """What the store holds: connect-redis' JSON with passport, Django's pickle, or plain JSON."""
    ends = datetime.now(UTC) + timedelta(seconds=seconds)
    match kind:
        case CookieKind.EXPRESS:
            cookie = {"originalMaxAge": seconds * 1000, "expires": ends.isoformat(), "httpOnly": True, "path": "/"}
            return json.dumps({"cookie": cookie, "passport": {"user": str(user.pk)}, **fields}).encode()
        case CookieKind.DJANGO:
            return pickle.dumps(django_data(user, **fields), protocol=4)
        case CookieKind.TOKEN:
            return json.dumps({"userId": str(user.pk), "expiresAt": ends.isoformat(), **fields}).encode()


def django_data(user, **fields):
    proof = salted_hmac(DJANGO_HASH_SALT, user.password, secret=SECRET_KEY, algorithm="sha256").hexdigest()
    return {
        "_auth_user_id": str(user.pk),
        "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
        "_auth_user_hash": proof,
        **fields,
    }


def keep(world, kind, key, stored, seconds=HOUR):
    """Put a session into the old Redis; returns its key there."""
    place = KEY_PREFIXES[kind] + key
    with old_redis(world) as client:
        client.set(place, stored, ex=seconds)
    return place


def signed(key, secret=COOKIE_SECRET):
    """As express-session writes it into the cookie."""
    digest = hmac.new(secret.encode(), key.encode(), hashlib.sha256).digest()
    return quote(f"s:{key}.{base64.b64encode(digest).decode().rstrip('=')}", safe="")


def cookie(kind, key):
    """The cookie's name and value as the browser has them."""
    return {COOKIES[kind]: signed(key) if kind is CookieKind.EXPRESS else key}
