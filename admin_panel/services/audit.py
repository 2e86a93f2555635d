"""The audit trail: what somebody sets out to do is committed before it is done, and how it ended after.

Whatever changes something does it inside ``audited``::

    with audited(actor, action="rate.publish", resource=Resource.of(rate), new={"rate": "41.50"}):
        rate_publish(...)
"""

import json
import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from admin_panel.models import Outcome
from admin_panel.redaction import redacted, storable
from admin_panel.resources import Resource
from admin_panel.services.actors import Actor
from exchanger.kernel.contexts import SPECS, Context

logger = logging.getLogger(__name__)

ALIAS = SPECS[Context.ADMIN].alias
REASON_LENGTH = 500
RECORDED = "exchanger.denial_recorded"  # in a request's META: the trail has its denial already

_INTENT = """
INSERT INTO audit_logs
    (id, admin_id, action, resource_type, resource_id, old_values, new_values, ip_address, user_agent)
VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s::jsonb, %s, %s)
"""
_OUTCOME = "INSERT INTO audit_outcomes (id, audit_id, outcome, details) VALUES (%s, %s, %s, %s::jsonb)"


class Attempt:
    """Something that is under way, and in the trail already under ``entry_id``."""

    def __init__(self, entry_id: uuid.UUID) -> None:
        self.entry_id = entry_id
        self.details: dict[str, Any] = {}

    def note(self, **details: Any) -> None:
        """Add to what the outcome will tell, such as how many rows there were."""
        self.details.update(details)


@contextmanager
def audited(
    actor: Actor,
    *,
    action: str,
    resource: Resource | Model,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
) -> Iterator[Attempt]:
    """Do what is inside with a committed intent before it, and its outcome after it.

    ``old`` and ``new`` hold what changes and nothing else; secrets in them are redacted. Put it around the transaction
    of the change: at its end the change must be committed. PermissionDenied inside is recorded as denied, any other
    Exception as failed, and both go on. A process that dies inside leaves the intent without an outcome.

    Raises:
        django.db.DatabaseError: the intent cannot be recorded, so nothing inside was done.
    """
    attempt = Attempt(_begin(actor, action, resource, old, new))
    try:
        yield attempt
    except PermissionDenied as error:
        _mark_recorded(actor)
        _end(attempt, Outcome.DENIED, error)
        raise
    except Exception as error:
        _end(attempt, Outcome.FAILED, error)
        raise
    _end(attempt, Outcome.DONE)


def attempt_record(
    *,
    actor: Actor,
    action: str,
    resource: Resource | Model,
    outcome: Outcome,
    new: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Record something that has happened already, such as a login or a refusal, with its outcome.

    Raises:
        django.db.DatabaseError: it cannot be recorded.
    """
    attempt = Attempt(_begin(actor, action, resource, None, new))
    attempt.note(**(details or {}))
    _end(attempt, outcome)


def _begin(
    actor: Actor,
    action: str,
    resource: Resource | Model,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
) -> uuid.UUID:
    entry_id = uuid.uuid4()
    kind, resource_id = Resource.of(resource) if isinstance(resource, Model) else resource
    _execute(
        _INTENT,
        (
            entry_id,
            actor.admin_id,
            action,
            kind,
            None if resource_id is None else storable(resource_id)[:255],
            _json(old),
            _json(new),
            actor.origin.address,
            storable(actor.origin.agent),
        ),
    )
    return entry_id


def _end(attempt: Attempt, outcome: Outcome, error: Exception | None = None) -> None:
    """The change is done or not, whatever happens here: an outcome that cannot be recorded leaves "unfinished"."""
    if error is not None:
        attempt.note(reason=_reason(error))
    try:
        _execute(_OUTCOME, (uuid.uuid4(), attempt.entry_id, outcome.value, _json(attempt.details or None)))
    except DatabaseError:
        logger.exception("The outcome of audit entry %s could not be recorded: it is '%s'", attempt.entry_id, outcome)


def _execute(statement: str, values: tuple[Any, ...]) -> None:
    with _autonomous() as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)


@contextmanager
def _autonomous() -> Iterator[BaseDatabaseWrapper]:
    """A connection on which a statement commits at once, whatever transaction the process has under way there."""
    own = connections[ALIAS]
    if not own.in_atomic_block:
        yield own
        return
    other = connections.create_connection(ALIAS)
    try:
        yield other
    finally:
        other.close()


def _json(values: Mapping[str, Any] | None) -> str | None:
    clean = redacted(values)
    return None if clean is None else json.dumps(clean)


def _reason(error: Exception) -> str:
    """What went wrong. A database's message quotes the values that it refused, so its kind must do."""
    name = type(error).__name__
    if isinstance(error, DatabaseError):
        return name
    return f"{name}: {error}"[:REASON_LENGTH] if str(error) else name


def _mark_recorded(actor: Actor) -> None:
    if actor.request is not None:
        actor.request.META[RECORDED] = True
