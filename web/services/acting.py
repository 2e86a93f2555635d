"""Using up the tokens with which the bot acts for a client: each once, whatever is repeated, raced or restarted.

PostgreSQL remembers them, and not Redis: a counter in Redis that is away, evicted or flushed would let a token through
a second time, once for each process. Every request that takes a token works on this database anyway.
"""

from datetime import timedelta
from uuid import UUID

from django.db import connections
from django.db.models.functions import Now

from exchanger.kernel.acting import LIFE_SECONDS
from web.models import UsedToken

ALIAS = "web"
KEEP = timedelta(seconds=5 * LIFE_SECONDS)  # a token may be a minute ahead of our clock, and a minute behind


def token_use(*, token_id: UUID) -> bool:
    """Use a token up, at once and whatever becomes of its request; False where it was used before."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("INSERT INTO used_tokens (id) VALUES (%s) ON CONFLICT DO NOTHING", (token_id,))
        return bool(cursor.rowcount == 1)


def tokens_purge() -> int:
    """Forget the tokens that are too old to be tried again; how many there were."""
    purged, _ = UsedToken.objects.filter(used_at__lt=Now() - KEEP).delete()
    return purged
