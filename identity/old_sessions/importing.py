"""Moving the older platform's sessions here: a batch at a time, each application's in one transaction, any number of
times."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from exchanger.kernel.contexts import IDENTITY, Context
from identity.models import OldSession as Note
from identity.models import User
from identity.old_sessions import rows
from identity.old_sessions.giving import given_of
from identity.old_sessions.keys import is_key
from identity.old_sessions.passwords import NO_SECRET_KEY, is_of_password
from identity.old_sessions.rows import Given, Taken
from identity.old_sessions.stored import Stored
from identity.old_sessions.values import Unreadable

FORMER_PASSWORD = "it was opened with a former password"  # noqa: S105
ELSEWHERE = "it was taken into another application before"
NO_KEY = "its key could be no cookie's"


@dataclass(slots=True)
class Outcome:
    """What became of a batch: those that are rows now, by whether they were before, and the others with a reason."""

    counts: Counter[Taken] = field(default_factory=Counter)
    moved: list[Stored] = field(default_factory=list)
    rejected: list[tuple[Stored, str]] = field(default_factory=list)


def move_batch(
    batch: Sequence[Stored], *, until: datetime | None, secret_keys: Sequence[str], dry_run: bool
) -> Outcome:
    """Make rows of a batch, in one transaction for each application; what was taken before stays as it is.

    ``dry_run`` does the same and takes it back.

    Raises:
        django.db.Error: nothing of the application whose turn it was, and of those after it, was taken.
    """
    outcome = Outcome()
    givens = list(_givens(batch, secret_keys, outcome))
    for context in Context:
        mine = [(stored, given) for stored, given in givens if stored.context is context]
        if mine:
            _move(mine, context, outcome, until=until, dry_run=dry_run)
    return outcome


def _givens(batch: Sequence[Stored], secret_keys: Sequence[str], outcome: Outcome) -> Iterator[tuple[Stored, Given]]:
    """Those that can be taken, each with what is to be stored; the others are noted as rejected."""
    passwords = _passwords(batch)
    for stored in batch:
        session, reason = stored.session, stored.reason
        if session is not None and not is_key(stored.key):
            reason = NO_KEY
        elif session is not None and session.auth_hash is not None and session.user_id in passwords:
            good = is_of_password(session.auth_hash, passwords[session.user_id], secret_keys)
            reason = "" if good else FORMER_PASSWORD if secret_keys else NO_SECRET_KEY
        if session is not None and not reason:
            try:
                yield stored, given_of(stored.key, session, stored.kept_until)
            except Unreadable as error:
                reason = str(error)
        if reason:
            outcome.rejected.append((stored, reason))


def _passwords(batch: Sequence[Stored]) -> dict[UUID, str]:
    """The stored passwords of those whose sessions say with which one they were opened."""
    wanted = {each.session.user_id for each in batch if each.session is not None and each.session.auth_hash is not None}
    if not wanted:
        return {}
    return dict(User.objects.filter(pk__in=wanted).values_list("pk", "password"))


def _move(
    mine: Sequence[tuple[Stored, Given]],
    context: Context,
    outcome: Outcome,
    *,
    until: datetime | None,
    dry_run: bool,
) -> None:
    givens = [given for _, given in mine]
    try:
        taken = _take(givens, context, until=until, dry_run=dry_run)
    except IntegrityError:  # a person was deleted between the look at the table and the row: they are gone now
        taken = _take(givens, context, until=until, dry_run=dry_run)
    before = rows.contexts_of([row_id for row_id, became in taken.items() if became is Taken.ALREADY])
    for stored, given in mine:
        became = taken[given.id]
        if became is Taken.ALREADY and before.get(given.id, context) != context:
            outcome.rejected.append((stored, ELSEWHERE))
        elif became in (Taken.NEW, Taken.ALREADY):
            outcome.counts[became] += 1
            outcome.moved.append(stored)
        else:
            outcome.rejected.append((stored, became))


def _take(givens: Sequence[Given], context: Context, *, until: datetime | None, dry_run: bool) -> dict[str, Taken]:
    with transaction.atomic(using=IDENTITY):
        taken = rows.take(givens, context, Note.IMPORT, until=until)
        transaction.set_rollback(dry_run, using=IDENTITY)
    return taken
