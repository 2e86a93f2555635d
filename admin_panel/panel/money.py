from decimal import Decimal


def amount_text(amount: Decimal | str) -> str:
    """``1234567.50000000`` → ``1,234,567.50``: two decimals at least and eight at most, as the tables keep them."""
    whole, _, fraction = f"{Decimal(amount):,.8f}".partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"


def money_text(amount: Decimal | str, currency: str) -> str:
    return f"{amount_text(amount)} {currency}"
