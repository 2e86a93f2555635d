"""One answer per Idempotency-Key, kept in the transaction of what it tells of: neither is there without the other."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connections
from django.db.models.functions import Now

from web.models import IdempotencyKey

ALIAS = "web"
KEEP = timedelta(hours=24)
PURGE_BATCH = 1000


class KeyInFlight(RuntimeError):
    """Another request with this key is under way."""


class KeyConflict(RuntimeError):
    """The key was used for another request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, byte for byte."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """A person's key, and the fingerprint of the request that they use it for."""

    user_id: UUID
    key: str
    fingerprint: str


def fingerprint(*, method: str, path: str, body: bytes) -> str:
    """What two requests must have in common to be the same one; ``path`` comes with its query."""
    digest = hashlib.sha256()
    for part in (method.encode(), path.encode(), body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def idempotency_claim(*, claim: Claim) -> Answer | None:
    """Take the key until the transaction ends; the answer that it has led to, None where it is new.

    A lock of the transaction stands for the claim, and no row, so whatever ends the transaction frees the key: a
    rollback, or the end of a killed process's connection. Nobody waits for it.

    Raises:
        KeyInFlight: somebody else has it.
        KeyConflict: it led to an answer, but to another request.
    """
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_lock(claim)])
        if cursor.fetchone() != (True,):
            raise KeyInFlight
    # Read after the lock was had: whoever had it before has committed or left nothing.
    known = IdempotencyKey.objects.filter(user_id=claim.user_id, key=claim.key).first()
    if known is None:
        return None
    if known.fingerprint != claim.fingerprint:
        raise KeyConflict
    return Answer(known.status, known.headers, bytes(known.body))


def idempotency_store(*, claim: Claim, answer: Answer) -> None:
    """Keep the answer with the change, in the transaction that has claimed the key."""
    IdempotencyKey.objects.create(
        user_id=claim.user_id,
        key=claim.key,
        fingerprint=claim.fingerprint,
        status=answer.status,
        headers=answer.headers,
        body=answer.body,
    )


def idempotency_purge() -> int:
    """Delete the keys older than ``KEEP``, in batches that each hold their locks briefly; how many there were."""
    purged = 0
    while True:
        old = IdempotencyKey.objects.filter(created_at__lt=Now() - KEEP).order_by("created_at")[:PURGE_BATCH]
        count, _ = IdempotencyKey.objects.filter(pk__in=old.values("pk")).delete()
        purged += count
        if count < PURGE_BATCH:
            return purged


def _lock(claim: Claim) -> int:
    digest = hashlib.sha256(b"idempotency" + claim.user_id.bytes + claim.key.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
