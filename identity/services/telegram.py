"""Sessions of the telegram application: for people whom Telegram names, and who have linked that account."""

import math

from django.conf import settings
from django.utils import timezone

from exchanger.kernel.cache.counters import Rule, reserve
from exchanger.kernel.cache.namespaces import INIT_DATA
from exchanger.kernel.contexts import Context, require
from exchanger.kernel.origin import Origin
from exchanger.kernel.throttled import Throttled
from identity.adapter import IdentityAdapter
from identity.cache import UserCache
from identity.init_data import InitData, InvalidInitData, verify_init_data
from identity.models import User
from identity.services.sessions import session_open
from identity.services.throttling import throttle_telegram
from identity.services.users import AccountBlocked
from identity.sessions import SessionStore


class NotConfigured(Exception):
    """This process has no bot's token to verify anything with."""


class NotLinked(Exception):
    """Nobody has linked this Telegram account."""


def telegram_login(*, init_data: str, origin: Origin) -> User:
    """The person whom a Mini App's ``init_data`` proves, once: the same data proves nobody a second time.

    While Redis does not answer, each process remembers by itself what has been used.

    Raises:
        NotConfigured: TELEGRAM_BOT_TOKEN is not set.
        Throttled: too many from this address have failed.
        InvalidInitData: it is not Telegram's, too old, or used.
        NotLinked: Telegram vouches for somebody we do not know; the data may be used again after linking.
        AccountBlocked: operators have blocked the account.
        ForeignContext, NoContext: anywhere but in a telegram process.
    """
    require(Context.TELEGRAM)
    if not settings.TELEGRAM_BOT_TOKEN:
        raise NotConfigured
    counted = throttle_telegram(origin=origin)
    try:
        proven = verify_init_data(init_data, token=settings.TELEGRAM_BOT_TOKEN)
        user = _linked_user(proven.telegram_user_id)
        _use_up(proven)
    except InvalidInitData:
        raise
    except BaseException:
        counted.give_back()
        raise
    counted.give_back()
    return user


def telegram_session_open(*, telegram_user_id: int, origin: Origin | None = None) -> SessionStore:
    """A new session for the person behind a Telegram account, for the bot, which has the id from Telegram itself.

    Raises:
        NotLinked: nobody has linked this Telegram account.
        AccountBlocked: operators have blocked the account.
        ForeignContext, NoContext: anywhere but in a telegram process.
    """
    require(Context.TELEGRAM)
    return session_open(user=_linked_user(telegram_user_id), origin=origin)


def _linked_user(telegram_user_id: int) -> User:
    linked = IdentityAdapter(Context.TELEGRAM).find_user_by_telegram(telegram_user_id)
    if linked is not None and linked.blocked_at is not None:
        raise AccountBlocked(linked)
    user = None if linked is None else UserCache(Context.TELEGRAM).get_user(linked.pk)
    if linked is None or user is None:
        raise NotLinked
    # The session is tied to the link that was found: should it have ended since, the session is dead when it opens.
    user.auth_hash = linked.get_session_auth_hash()
    return user


def _use_up(proven: InitData) -> None:
    left = max(math.ceil((proven.good_until - timezone.now()).total_seconds()), 1)
    try:
        reserve(INIT_DATA.key(proven.digest), Rule("init-data", free=1, life=left))
    except Throttled:
        raise InvalidInitData("This has opened a session already: open the Mini App again.") from None
