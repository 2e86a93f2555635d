"""The outside world on this machine, for whoever tries the platform: a card processor and a Telegram.

Each knows nothing of the platform but the secret that they share. The card processor moves no money, misbehaves as the
card says that is chosen, and is a program of its own (``python -m exchanger.sandbox``).
"""
