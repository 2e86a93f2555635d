"""A card processor to try payments with: it moves no money, and misbehaves as the card says that is chosen.

It is a program of its own (``python -m exchanger.sandbox``) that knows nothing of the platform but the shared secret.
"""
