"""Showing somebody enough of an address or a number to know their own, and too little to learn another's."""


def mask_email(email: str) -> str:
    """``anna@example.com`` → ``a***@e***.com``, whatever the lengths are."""
    name, _, domain = email.rpartition("@")
    host, dot, ending = domain.rpartition(".")
    return f"{name[:1]}***@{(host or ending)[:1]}***{dot}{ending if dot else ''}"


def mask_account(telegram_user_id: int) -> str:
    """``7001234567`` → ``***567``, whatever its length is."""
    return f"***{telegram_user_id % 1000:03}"
