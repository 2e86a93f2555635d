"""How far the bot has come with an update or a reply, and which of them it has given up."""

from typing import TypeVar

from django.db import models
from django.db.models import Q, QuerySet

from bot.models import BotReply, BotUpdate

Work = TypeVar("Work", BotUpdate, BotReply)


class State(models.TextChoices):
    """DISMISSED is what an operator has looked at after it was given up, and lets be."""

    WAITING = "waiting"
    RETRYING = "retrying"
    DONE = "done"
    GIVEN_UP = "given up"
    DISMISSED = "dismissed"


def state_of(work: BotUpdate | BotReply) -> State:
    """How far it has come."""
    if work.dead_at is not None:
        return State.GIVEN_UP if work.dismissed_at is None else State.DISMISSED
    if (work.handled_at if isinstance(work, BotUpdate) else work.sent_at) is not None:
        return State.DONE
    return State.RETRYING if work.attempts else State.WAITING


def with_state(work: QuerySet[Work], state: State) -> QuerySet[Work]:
    """Those that have come as far as that; an index bounds what is read of all but those that are done."""
    done = "handled_at" if work.model is BotUpdate else "sent_at"
    if state is State.DONE:
        return work.filter(**{f"{done}__isnull": False})
    if state in (State.GIVEN_UP, State.DISMISSED):
        return work.filter(dead_at__isnull=False, dismissed_at__isnull=state is State.GIVEN_UP)
    waiting = work.filter(Q(dead_at__isnull=True, **{f"{done}__isnull": True}))
    return waiting.filter(attempts__gt=0) if state is State.RETRYING else waiting.filter(attempts=0)
