"""Showing somebody enough of an address to know their own, and too little to learn another's."""


def mask_email(email: str) -> str:
    """``anna@example.com`` → ``a***@e***.com``, whatever the lengths are."""
    name, _, domain = email.rpartition("@")
    host, dot, ending = domain.rpartition(".")
    return f"{name[:1]}***@{(host or ending)[:1]}***{dot}{ending if dot else ''}"
