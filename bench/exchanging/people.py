"""The people of a run, and what the exchange offers them: all that is in the databases before it begins."""

from collections.abc import Iterable
from decimal import Decimal

PASSWORD = "correct horse battery"  # noqa: S105  (of people who live for a minute)
CLIENT_LIMITS = {"EUR": Decimal(1200)}  # what one client may give on a day
PAIR_LIMITS = {"USD/UAH": Decimal(5000)}  # what all of them may
AMOUNTS = {"USD": (20, 300), "EUR": (20, 200), "UAH": (1000, 9000)}  # that clients give
RATES = {("USD", "UAH"): "41.50", ("EUR", "UAH"): "48.20"}
PAIRS = ("usd_uah", "uah_usd", "eur_uah", "eur_usd")


def document(quote_life: int) -> dict[str, object]:
    """The configuration: small limits, so that they are met, and refunds that take two operators."""
    account = {"recipient": "Exchanger", "iban": "UA213223130000026007233566001", "bank": "A bank"}
    return {
        "pairs": [pair.upper().replace("_", "/") for pair in PAIRS],
        "limits": {code: {"min": str(least), "max": str(most)} for code, (least, most) in AMOUNTS.items()},
        "client_daily_limits": {code: str(most) for code, most in CLIENT_LIMITS.items()},
        "pair_daily_limits": {pair: str(most) for pair, most in PAIR_LIMITS.items()},
        "large_refunds": {"USD": "100", "EUR": "100", "UAH": "4000"},
        "bank_accounts": dict.fromkeys(AMOUNTS, account),
        "spread": "0.005",
        "fee": "0.003",
        "rate_max_age_seconds": 86400,
        "quote_life_seconds": quote_life,
        "maintenance_mode": False,
        "base_currency": "UAH",
        "max_deviation_percent": "5",
        "feeds": [],
        "feed_max_age_seconds": 518400,
    }


def settle_in(clients: Iterable[str], operators: Iterable[str], quote_life: int) -> None:
    """Make the people, by e-mail address, and open the exchange. The process is maintenance."""
    from django.contrib.auth.hashers import make_password
    from django.db import connections

    from identity.models import SUPERUSER, User, UserPermission, UserProfile
    from web.configuration import KEY
    from web.models import ExchangeRate, PublishedConfiguration

    password = make_password(PASSWORD)
    for number, email in enumerate(clients):
        client = User.objects.create(email=email, password=password, email_verified=True)
        UserProfile.objects.create(user=client, telegram_user_id=7000 + number)
    for email in operators:
        operator = User.objects.create(email=email, password=password, email_verified=True)
        UserPermission.objects.create(user=operator, application_context="admin", permission=SUPERUSER)
    PublishedConfiguration.objects.create(key=KEY, version=1, document=document(quote_life))
    for (source, target), rate in RATES.items():
        ExchangeRate.objects.create(from_currency=source, to_currency=target, rate=Decimal(rate))
    connections.close_all()
