"""What operators do with updates and replies that the bot has given up: another try, or none.

The admin login may not write these tables. PostgreSQL's functions (``exchanger/isolation/sql/bot.sql``) do these two
things alone, to what is given up alone.
"""

from typing import Final, TypeVar

from django.db import connections

from admin_panel.resources import resource_type
from admin_panel.services.actors import Actor
from admin_panel.services.audit import audited
from admin_panel.services.permissions import require_permission, require_reason
from bot.models import BotReply, BotUpdate
from exchanger.kernel.refusals import Refused

MAY_CHANGE_UPDATES: Final = "bot.change_botupdate"
MAY_CHANGE_REPLIES: Final = "bot.change_botreply"
_PERMISSIONS: Final = {BotUpdate: MAY_CHANGE_UPDATES, BotReply: MAY_CHANGE_REPLIES}

Work = TypeVar("Work", BotUpdate, BotReply)


class NotGivenUp(Refused):
    """The bot has not given it up, or somebody has decided about it already."""

    def __init__(self) -> None:
        super().__init__("not_given_up", "Only what the bot has given up is tried again or dismissed.", status=409)


def operator_update_retry(*, actor: Actor, botupdate: BotUpdate, reason: str) -> BotUpdate:
    """Have a given-up update handled as if it had just come; its chat's later ones wait meanwhile.

    Raises:
        PermissionDenied: the operator may not do that.
        ReasonMissing
        NotGivenUp
    """
    return _decide(actor, botupdate, "retry", "SELECT retry_given_up_update(%s)", reason)


def operator_update_dismiss(*, actor: Actor, botupdate: BotUpdate, reason: str) -> BotUpdate:
    """Let a given-up update be. Raises as ``operator_update_retry`` does."""
    return _decide(actor, botupdate, "dismiss", "SELECT dismiss_given_up_update(%s)", reason)


def operator_reply_retry(*, actor: Actor, botreply: BotReply, reason: str) -> BotReply:
    """Have a given-up reply said after all. Raises as ``operator_update_retry`` does."""
    return _decide(actor, botreply, "retry", "SELECT retry_given_up_reply(%s)", reason)


def operator_reply_dismiss(*, actor: Actor, botreply: BotReply, reason: str) -> BotReply:
    """Let a given-up reply be. Raises as ``operator_update_retry`` does."""
    return _decide(actor, botreply, "dismiss", "SELECT dismiss_given_up_reply(%s)", reason)


def _decide(actor: Actor, work: Work, verb: str, statement: str, reason: str) -> Work:
    with audited(
        actor,
        action=f"{resource_type(type(work))}.{verb}",
        resource=work,
        old={"failure": work.failure, "attempts": work.attempts},
        new={"reason": reason},
    ):
        require_permission(actor, _PERMISSIONS[type(work)])
        require_reason(reason)
        with connections["bot"].cursor() as cursor:
            cursor.execute(statement, [work.pk])
            (decided,) = cursor.fetchone()
        if not decided:
            raise NotGivenUp
    work.refresh_from_db()
    return work
