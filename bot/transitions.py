"""Every move that a broadcast can make: the one declaration, which services and a trigger follow.

A test holds PostgreSQL's trigger against this table, move by move.
"""

from collections.abc import Mapping
from typing import Final

from bot.models.broadcast import BroadcastStatus

_B = BroadcastStatus

BROADCASTS: Final[Mapping[BroadcastStatus, frozenset[BroadcastStatus]]] = {
    _B.DRAFT: frozenset({_B.RUNNING, _B.STOPPED}),
    _B.RUNNING: frozenset({_B.PAUSED, _B.STOPPED, _B.DONE}),
    _B.PAUSED: frozenset({_B.RUNNING, _B.STOPPED}),
    _B.STOPPED: frozenset(),
    # What has been made but not sent yet can still be stopped.
    _B.DONE: frozenset({_B.STOPPED}),
}
