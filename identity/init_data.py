"""What a Telegram Mini App knows of its user, and the proof that Telegram said so.

``Telegram.WebApp.initData`` is a query string that Telegram signs for one bot. As Telegram documents it ("Validating
data received via the Mini App"): the secret is HMAC-SHA256 of the bot's token under the key ``WebAppData``; the text
that is signed is every field but ``hash``, as ``name=value``, sorted by name and joined by line feeds; ``hash`` is the
HMAC-SHA256 of that text under the secret, in hex.

The newer field ``signature`` is a second proof, by Ed25519, for third parties who have no token. It is one of "all
received fields", so it **is** part of the text that ``hash`` signs; only the third parties' own check leaves it out.
(A test holds this against data that Telegram's servers have signed.)
"""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

from django.conf import settings
from django.utils import timezone

CLOCKS_APART = timedelta(minutes=1)  # how far Telegram's clock may be ahead of ours
_MOST_FIELDS = 50
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_HASH = re.compile(r"[0-9a-f]{64}")
_SECONDS = re.compile(r"[0-9]{1,11}")
_LARGEST_ID = 2**63 - 1  # what the column holds


class InvalidInitData(Exception):
    """Not signed by Telegram for this bot, not readable, or too old. The text is meant for the user."""


@dataclass(frozen=True, slots=True)
class InitData:
    """Verified: ``telegram_user_id`` opened the Mini App, and until ``good_until`` (aware UTC) this may be believed.

    ``digest`` is the same for the same data however it is written, and tells nothing of it.
    """

    telegram_user_id: int
    good_until: datetime
    digest: str


def verify_init_data(text: str, *, token: str, now: datetime | None = None) -> InitData:
    """What ``text`` says, if the bot of ``token`` may believe it at ``now`` (aware; by default, now).

    Raises:
        InvalidInitData: it must not be believed.
    """
    fields = _fields(text)
    claimed = fields.pop("hash", "")
    if not _HASH.fullmatch(claimed) or not hmac.compare_digest(claimed, _hash(fields, token)):
        raise InvalidInitData("Telegram has not signed this for our bot: open the Mini App again.")
    now = now or timezone.now()
    signed_at = _signed_at(fields)
    good_until = signed_at + timedelta(seconds=settings.TELEGRAM_INIT_DATA_SECONDS)
    if not signed_at - CLOCKS_APART <= now < good_until:
        raise InvalidInitData("This was signed too long ago: open the Mini App again.")
    return InitData(_user_id(fields), good_until, hashlib.sha256(claimed.encode()).hexdigest())


def _fields(text: str) -> dict[str, str]:
    """The fields, each once. A line feed within one could pass for the end of it in the text that is signed."""
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
        text.encode()
    except ValueError:
        raise InvalidInitData("This is not what a Mini App is given: send Telegram.WebApp.initData as it is.") from None
    fields = dict(pairs)
    if len(fields) < len(pairs) or not all(_NAME.fullmatch(name) and "\n" not in value for name, value in pairs):
        raise InvalidInitData("This is not what a Mini App is given: send Telegram.WebApp.initData as it is.")
    return fields


def _hash(fields: dict[str, str], token: str) -> str:
    signed = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    secret = hmac.digest(b"WebAppData", token.encode(), "sha256")
    return hmac.new(secret, signed.encode(), "sha256").hexdigest()


def _signed_at(fields: dict[str, str]) -> datetime:
    seconds = fields.get("auth_date", "")
    if not _SECONDS.fullmatch(seconds):
        raise InvalidInitData("Telegram does not say when this was signed: open the Mini App again.")
    return datetime.fromtimestamp(int(seconds), UTC)


def _user_id(fields: dict[str, str]) -> int:
    try:
        user = json.loads(fields.get("user", ""))
    except ValueError:
        user = None
    ident = user.get("id") if isinstance(user, dict) else None
    if not isinstance(ident, int) or isinstance(ident, bool) or not 0 < ident <= _LARGEST_ID:
        raise InvalidInitData("Telegram does not say who you are: open the Mini App from the chat with our bot.")
    return ident
