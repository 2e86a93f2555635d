"""Currencies, amounts, rates and pairs: Decimal from end to end, rounded in one place."""
