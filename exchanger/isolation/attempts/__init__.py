"""Every access that the matrix allows or forbids, tried with the real logins; nothing of it stays behind.

Each attempt is harmless also where it gets through: transactions are rolled back, statements touch no row or only
throw-away ones, locks are waited for a quarter of a second, and Redis sees fresh keys or arguments that fail after its
access check.
"""
