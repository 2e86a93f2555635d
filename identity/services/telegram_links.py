"""Linking a Telegram account to a person, and unlinking it, from either side.

Web hands out a code, the telegram application redeems it; PostgreSQL decides who was first (``redeem_link_code``). The
link is the identity database's alone to say: nobody keeps a copy that could be believed after it has ended. The person
is told by mail of either change; it stays where the queue of mails takes none.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from exchanger.kernel.contexts import IDENTITY, Context, require
from exchanger.kernel.refusals import Refused
from identity.adapter import IdentityAdapter
from identity.cache import invalidate_user_cache
from identity.link_codes import LIFE, code_hash, make_code, read_code
from identity.mails.kinds import MailKind
from identity.masking import mask_email
from identity.services.mails import mail_request
from identity.services.sessions import user_sessions_end
from identity.services.telegram import NotLinked, telegram_session_open
from identity.services.throttling import LINK_CODE, LINK_GUESS, guess_counted, throttle_use
from identity.sessions import SessionStore

# Web's login writes hashes and reads none, EXCLUDED's neither.
_KEEP = """
INSERT INTO telegram_link_codes (user_id, code_hash, expires_at) VALUES (%(user)s, %(hash)s, %(end)s)
ON CONFLICT (user_id) DO UPDATE SET code_hash = %(hash)s, expires_at = %(end)s, created_at = now()
"""
_MESSAGES = {
    "unknown_code": "This code is wrong, has been used, or has expired: ask for a new one on the website.",
    "already_linked": "This Telegram account is linked to this account already.",
    "account_linked": "This account has another Telegram account: unlink that one first.",
    "telegram_linked": "This Telegram account is linked to another account: unlink it there first, or here by /unlink.",
}


class LinkCodeRefused(Refused):
    """No code is given out."""

    codes = {409: {"already_linked": "A Telegram account is linked to this account: unlink it first."}}


class LinkRefused(Refused):
    """A code links nothing, and nothing has changed; ``code`` is one of ``unknown_code``, ``already_linked``,
    ``account_linked`` and ``telegram_linked``."""

    def __init__(self, code: str) -> None:
        super().__init__(code, _MESSAGES[code], status=409)


@dataclass(frozen=True, slots=True)
class LinkCode:
    """A code for its owner's eyes, once. ``deep_link`` opens the bot with it; None where the bot's name is not set."""

    code: str
    deep_link: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Linked:
    """A Telegram account is linked from now on; ``session`` is the person's first one of the telegram application."""

    user_id: UUID
    session: SessionStore


# --- Web's side


def link_code_create(*, user_id: UUID) -> LinkCode:
    """A code that links a Telegram account to this person, in the place of any that they have.

    Raises:
        Throttled: the person has asked too often.
        LinkCodeRefused: they have a Telegram account.
        ForeignContext, NoContext: anywhere but in the web application.
    """
    require(Context.WEB)
    throttle_use(rule=LINK_CODE, who=str(user_id))
    if IdentityAdapter(Context.WEB).find_telegram_account(user_id) is not None:
        message = LinkCodeRefused.codes[409]["already_linked"]
        raise LinkCodeRefused("already_linked", message, status=409)
    code, expires_at = make_code(), timezone.now() + LIFE
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute(_KEEP, {"user": user_id, "hash": code_hash(code), "end": expires_at})
    bot = settings.TELEGRAM_BOT_USERNAME
    return LinkCode(code, f"https://t.me/{bot}?start={code}" if bot else None, expires_at)


@transaction.atomic(using=IDENTITY)
def telegram_unlink(*, user_id: UUID) -> bool:
    """Unlink the person's Telegram account, end their telegram sessions and any code; False where none was linked.

    The sessions are refused from the commit on, in every copy; PostgreSQL deletes their rows in this transaction.

    Raises:
        ForeignContext, NoContext: anywhere but in the web application.
    """
    require(Context.WEB)
    (unlinked,) = _call("SELECT unlink_telegram_of(%s)", user_id)
    if unlinked:
        invalidate_user_cache(user_id)
        mail_request(kind=MailKind.TELEGRAM_UNLINKED, user_id=user_id, needed=False)
    return bool(unlinked)


# --- The telegram application's side


def link_preview(*, code: str, telegram_user_id: int) -> str:
    """The masked e-mail address of the account that ``code`` would link, for its owner to confirm.

    Raises:
        Throttled: this Telegram account has guessed too often.
        LinkRefused: it would link nothing.
        ForeignContext, NoContext: anywhere but in a telegram process.
    """
    require(Context.TELEGRAM)
    with _guess_counted(telegram_user_id):
        (user_id,) = _call("SELECT find_link_code(%s)", code_hash(read_code(code)))
        if user_id is None:
            raise _unknown(telegram_user_id)
    adapter = IdentityAdapter(Context.TELEGRAM)
    _require_free(user_id, adapter.find_user_id_by_telegram(telegram_user_id), adapter.find_telegram_account(user_id))
    return mask_email(adapter.find_users([user_id])[user_id].email)


def link_confirm(*, code: str, telegram_user_id: int) -> Linked:
    """Redeem ``code``: link the Telegram account to the code's owner, and open a session of theirs.

    The code is gone with it. To bring it again, as a repeated update does, is refused with ``already_linked`` as long
    as the link is there.

    Raises:
        Throttled: this Telegram account has guessed too often.
        LinkRefused: it links nothing.
        ForeignContext, NoContext: anywhere but in a telegram process.
    """
    require(Context.TELEGRAM)
    with _guess_counted(telegram_user_id):
        user_id = _redeem(code_hash(read_code(code)), telegram_user_id)
    try:
        return Linked(user_id, telegram_session_open(telegram_user_id=telegram_user_id))
    except NotLinked:  # its owner has unlinked it in this moment
        raise LinkRefused("unknown_code") from None


@transaction.atomic(using=IDENTITY)
def telegram_account_unlink(*, telegram_user_id: int) -> UUID | None:
    """Unlink a Telegram account and end its owner's telegram sessions; whose it was, None where it was nobody's.

    Raises:
        ForeignContext, NoContext: anywhere but in a telegram process.
    """
    require(Context.TELEGRAM)
    user_id = IdentityAdapter(Context.TELEGRAM).find_user_id_by_telegram(telegram_user_id)
    if user_id is not None:
        # PostgreSQL ends them with the link in any case; this process can drop their cached copies at once.
        user_sessions_end(user_id=user_id)
    unlinked: UUID | None
    (unlinked,) = _call("SELECT unlink_telegram_account(%s)", telegram_user_id)
    if unlinked is not None:
        invalidate_user_cache(unlinked)
        mail_request(kind=MailKind.TELEGRAM_UNLINKED, user_id=unlinked, needed=False)
    return unlinked


class _WrongCode(LinkRefused):
    """Counted as a guess."""


def _guess_counted(telegram_user_id: int) -> AbstractContextManager[None]:
    # A code of one's own does not make up for guesses at others'.
    return guess_counted(rule=LINK_GUESS, who=str(telegram_user_id), wrong=_WrongCode, forgives=False)


@transaction.atomic(using=IDENTITY)
def _redeem(hashed: str, telegram_user_id: int) -> UUID:
    user_id: UUID
    outcome, user_id = _call("SELECT outcome, person FROM redeem_link_code(%s, %s)", hashed, telegram_user_id)
    if outcome == "linked":
        invalidate_user_cache(user_id)
        mail_request(kind=MailKind.TELEGRAM_LINKED, user_id=user_id, needed=False)
        return user_id
    if outcome == "unknown_code":
        raise _unknown(telegram_user_id)
    mine = IdentityAdapter(Context.TELEGRAM).find_user_id_by_telegram(telegram_user_id)
    raise LinkRefused("already_linked" if mine == user_id else outcome)


def _unknown(telegram_user_id: int) -> LinkRefused:
    """A wrong code; from somebody who is linked it may be the one that they have redeemed a moment ago."""
    linked = IdentityAdapter(Context.TELEGRAM).find_user_id_by_telegram(telegram_user_id) is not None
    return _WrongCode("already_linked" if linked else "unknown_code")


def _require_free(user_id: UUID, owner: UUID | None, account: int | None) -> None:
    if owner == user_id:
        raise LinkRefused("already_linked")
    if owner is not None:
        raise LinkRefused("telegram_linked")
    if account is not None:
        raise LinkRefused("account_linked")


def _call(statement: str, *arguments: str | int | UUID) -> tuple[Any, ...]:
    """The one row of a function's answer."""
    with connections[IDENTITY].cursor() as cursor:
        cursor.execute(statement, arguments)
        found: tuple[Any, ...] = cursor.fetchone()
        return found
