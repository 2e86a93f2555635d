"""What a refusal says in the chat, by its code: in the person's language, where web has its own words for programs."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from exchanger.kernel.refusals import Refused

# What stands in braces is of the refusal's details.
_TEXTS: Final[Mapping[str, Promise]] = {
    "throttled": gettext_lazy("Too many attempts. Please try again in {retry_after} seconds."),
    "in_flight": gettext_lazy("I am at it already. Please try again in a moment."),
    "not_found": gettext_lazy("I cannot find this any more."),
    "email_not_verified": gettext_lazy("Please verify your e-mail address first: open the link that we have sent you."),
    "account_blocked": gettext_lazy("Your account is blocked. Please write to our support."),
    # Linking
    "unknown_code": gettext_lazy(
        "This code is wrong, has been used, or has expired. Ask for a new one on the website."
    ),
    "already_linked": gettext_lazy("This chat is linked to this account already."),
    "account_linked": gettext_lazy("This account has another Telegram account. Unlink that one first."),
    "telegram_linked": gettext_lazy("This chat is linked to another account. Unlink it first: /unlink"),
    # Quotes and orders
    "maintenance": gettext_lazy("The exchange is closed for some work. Please try again in a few minutes."),
    "not_configured": gettext_lazy("Nothing can be exchanged at the moment. Please try again later."),
    "unknown_pair": gettext_lazy("We do not exchange these currencies. What we do: /exchange"),
    "rate_missing": gettext_lazy("There is no rate for these currencies at the moment. Please try again later."),
    "rate_stale": gettext_lazy("The rate is too old to exchange at. Please try again when there is a new one."),
    "amount_not_positive": gettext_lazy("The amount must be more than zero."),
    "amount_too_precise": gettext_lazy("Too many decimals: an amount of {currency} has at most {decimals}."),
    "amount_too_small": gettext_lazy("That is too little: give at least {minimum} {currency}."),
    "amount_too_large": gettext_lazy("That is too much: give at most {maximum} {currency}."),
    "client_limit": gettext_lazy(
        "That is more than you may give on a day. Today you can still order for {left} {currency}; the day ends at "
        "midnight UTC."
    ),
    "pair_limit": gettext_lazy(
        "That is more than we exchange on a day. Today you can still order for {left} {currency}; the day ends at "
        "midnight UTC."
    ),
    "quote_taken": gettext_lazy("This has been ordered already. Your orders: /orders"),
    "order_status": gettext_lazy("This order cannot be cancelled any more."),
    # Rate alerts
    "alert_rate_now": gettext_lazy("This is the rate now. Name another one."),
    "too_many_alerts": gettext_lazy("You have {most} alerts, as many as there can be. Delete one first: /alerts"),
    # Payments
    "order_not_pending": gettext_lazy("This order waits for no payment any more."),
    "order_expired": gettext_lazy("The time to pay for this order is over. A new one: /exchange"),
    "too_many_payments": gettext_lazy(
        "Too many payments of this order have been begun: use one of them, or a new order."
    ),
    "payment_method_unavailable": gettext_lazy("This order cannot be paid in this way."),
}


def refusal_text(refused: Refused) -> str:
    """The refusal in the active language; in web's own words where there are none for it."""
    try:
        return str(_TEXTS[refused.code]).format(**refused.details)
    except KeyError:
        return refused.message
