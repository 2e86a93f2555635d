"""How often somebody may try to log in, and to use what is open to everybody.

An attempt is counted before it is made and given back when it does not count (see ``exchanger.kernel.cache.counters``),
so any number of parallel guesses gets as many tries as one after the other. One that is refused does no work on the
password and counts nothing. E-mail addresses that nobody has are counted as others are.

A **stranger** is held by three counters: of the address, of the account at this address, and of the account from
everywhere. The last is what stops many machines that guess at one account; alone it would also let anybody lock the
owner out. So a browser in which this account has logged in (``identity.known_devices``) is judged by its own failures
only, whatever comes from elsewhere, and the last counter does not stop an address from which the account has a session
now. Nor does it ever close the account: it slows all other addresses together to one attempt a minute.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from exchanger.kernel.cache.counters import Reservation, Rule, reserve
from exchanger.kernel.cache.namespaces import THROTTLE
from exchanger.kernel.contexts import current
from exchanger.kernel.origin import Origin, origin_of
from exchanger.kernel.throttled import Throttled
from identity.adapter import IdentityAdapter
from identity.known_devices import device_of
from identity.models import User
from identity.services.users import AccountBlocked
from identity.signals import login_denied

logger = logging.getLogger(__name__)

MINUTE, HOUR = 60, 3600

# Failed logins; docs/operations.md tells operators of these figures.
LOGIN_ADDRESS = Rule("login-address", free=20, life=15 * MINUTE)
LOGIN_PAIR = Rule("login-pair", free=5, life=HOUR, first_delay=30, longest_delay=15 * MINUTE)
LOGIN_DEVICE = Rule("login-device", free=5, life=HOUR, first_delay=30, longest_delay=15 * MINUTE)
LOGIN_ACCOUNT = Rule("login-account", free=50, life=HOUR, first_delay=MINUTE, longest_delay=MINUTE)
LOGIN_TELEGRAM = Rule("login-telegram", free=20, life=15 * MINUTE)
# The current password, where somebody who has a session changes it: who has taken a session over could guess it.
PASSWORD_CHANGE = Rule("password-change", free=5, life=HOUR, first_delay=30, longest_delay=15 * MINUTE)
# Codes that link a Telegram account: asked for by a person, and guessed at by a Telegram account.
LINK_CODE = Rule("link-code", free=10, life=HOUR)
LINK_GUESS = Rule("link-guess", free=5, life=HOUR, first_delay=30, longest_delay=15 * MINUTE)
# Whatever is open to everybody and sends mail or makes accounts: every use counts, of each action by itself.
PUBLIC_ADDRESS = Rule("public-address", free=20, life=HOUR)
PUBLIC_TARGET = Rule("public-target", free=5, life=HOUR)


def login_attempt(*, request: HttpRequest, email: str, password: str) -> User | None:
    """Whose e-mail address and password these are in the process's context; None for a wrong one of either.

    Raises:
        Throttled: too many have failed; the password was not looked at.
        AccountBlocked: both are right, and operators have blocked the account.
    """
    account = User.objects.normalize_email(email)
    network = network_of(origin_of(request))
    device = device_of(request, email=account)
    if device is not None:
        held = _reserve([(LOGIN_DEVICE, f"{account} {device}")])
    else:
        held = _reserve_stranger(account, network)
    try:
        user = authenticate(request, username=account, password=password)
    except AccountBlocked as refusal:
        _give_back(held)
        login_denied.send(AccountBlocked, request=request, user=refusal.user, reason="the account is blocked")
        raise
    except BaseException:  # no password was tried
        _give_back(held)
        raise
    if user is None:
        _tell_of_new_locks(held)
        return None
    for reservation in held:
        if reservation.rule in (LOGIN_PAIR, LOGIN_DEVICE):
            reservation.clear()
        else:
            reservation.give_back()
    assert isinstance(user, User)
    return user


@contextmanager
def password_guess_counted(*, user_id: UUID, wrong: type[Exception]) -> Iterator[None]:
    """``guess_counted`` for a person's current password."""
    with guess_counted(rule=PASSWORD_CHANGE, who=str(user_id), wrong=wrong):
        yield


@contextmanager
def guess_counted(*, rule: Rule, who: str, wrong: type[Exception], forgives: bool = True) -> Iterator[None]:
    """Count the block as a failure if it ends with ``wrong``; one that succeeds ``forgives`` all failures before.

    Raises:
        Throttled: too many have failed; the block was not entered.
    """
    (counted,) = _reserve([(rule, who)])
    try:
        yield
    except wrong:
        _tell_of_new_locks([counted])
        raise
    except BaseException:
        counted.give_back()
        raise
    if forgives:
        counted.clear()
    else:
        counted.give_back()


def throttle_telegram(*, origin: Origin) -> Reservation:
    """Count a login by Telegram as failed, until the caller knows better and gives it back.

    Raises:
        Throttled: too many from this address have failed.
    """
    return _reserve([(LOGIN_TELEGRAM, network_of(origin))])[0]


def throttle_public(*, action: str, origin: Origin, email: str | None = None) -> None:
    """Count a use of ``action`` (such as ``register``) by an address, and for the e-mail address that it is about.

    Call it before the work, with the address as it was sent, whether anybody has it or not.

    Raises:
        Throttled: the action was used too often by this address or for this e-mail address.
    """
    parts = [(PUBLIC_ADDRESS, f"{action} {network_of(origin)}")]
    if email is not None:
        parts.append((PUBLIC_TARGET, f"{action} {User.objects.normalize_email(email)}"))
    _reserve(parts)


def throttle_use(*, rule: Rule, who: str) -> None:
    """Count a use of what ``rule`` is about, by a person (their id) or by an address (its ``network_of``).

    Raises:
        Throttled: it was used too often.
    """
    _reserve([(rule, who)])


def network_of(origin: Origin) -> str:
    """What counts as one address: an IPv4 address, or the /64 that an IPv6 subscriber has whole.

    Requests without an address (a unix socket) count as one.
    """
    return _network(origin.address) if origin.address else "nowhere"


def _network(address: str) -> str:
    parsed = ip_address(address)
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else str(parsed)


def _reserve_stranger(account: str, network: str) -> list[Reservation]:
    held = _reserve([(LOGIN_ADDRESS, network), (LOGIN_PAIR, f"{account} {network}")])
    try:
        return [*held, *_reserve([(LOGIN_ACCOUNT, account)])]
    except Throttled:
        try:
            known = _has_session_at(account, network)
        except BaseException:
            _give_back(held)
            raise
        if known:
            return held
        _give_back(held)
        raise


def _has_session_at(account: str, network: str) -> bool:
    """Whether the account has a living session that was opened from this address."""
    addresses = IdentityAdapter(current()).find_session_addresses(account)
    return any(_network(address) == network for address in addresses)


def _reserve(parts: Iterable[tuple[Rule, str]]) -> list[Reservation]:
    """A reservation of every part, or of none; the keys hold digests, which tell nobody who it was."""
    held: list[Reservation] = []
    try:
        for rule, who in parts:
            digest = salted_hmac("identity.throttle", who, algorithm="sha256").hexdigest()
            held.append(reserve(THROTTLE.key(f"{rule.name}:{digest}"), rule))
    except BaseException:
        _give_back(held)
        raise
    return held


def _give_back(held: Iterable[Reservation]) -> None:
    for reservation in held:
        reservation.give_back()


def _tell_of_new_locks(held: Iterable[Reservation]) -> None:
    """A line for each counter that this failure has filled; it names a digest and nobody's address."""
    for reservation in held:
        if reservation.count == reservation.rule.free:
            counter = reservation.key.rpartition(":")[2][:12]
            logger.warning(
                "Logins are held back: %d failed (%s, counter %s)", reservation.count, reservation.rule.name, counter
            )
