"""Init data as Telegram makes it for a Mini App, signed for a bot of the tests."""

import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

TOKEN = "123456789:AAtests-have-a-bot-of-their-own-1234567"


def fields_of(telegram_user_id=5001, *, age=0, **more):
    """What Telegram tells of a person, signed ``age`` seconds ago."""
    user = {"id": telegram_user_id, "first_name": "Anna & Co = + ü", "language_code": "en"}
    return {
        "query_id": "AAHdF6IQAAAAAN0XohDhrOrc",
        "user": json.dumps(user, ensure_ascii=False, separators=(",", ":")),
        "auth_date": str(int(time.time()) - age),
        "signature": "zL-ucjNyREiHDE8aihFwpfR9aggP2xiAo3NSpfe",
        **more,
    }


def signed(fields, token=TOKEN):
    """The query string of ``fields`` with Telegram's hash."""
    text = "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))
    secret = hmac.new(b"WebAppData", token.encode(), hashlib.sha256).digest()
    return urlencode({**fields, "hash": hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()})


def init_data(telegram_user_id=5001, **kwargs):
    return signed(fields_of(telegram_user_id, **kwargs))
