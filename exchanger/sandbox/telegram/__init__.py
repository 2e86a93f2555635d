"""Telegram on this machine: an HTTP server that speaks the Bot API as documented, for tests and to talk to the bot.

It reaches nobody: what the bot sends is kept, and what people write is put in by ``TelegramServer.say`` and ``press``.
"""
