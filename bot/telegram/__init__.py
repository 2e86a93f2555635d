"""Telegram's Bot API: one client, and what can go wrong in our own few words. Nothing else imports the library."""

import os

# Times as the library's next version gives them; it asks for this switch, and warns at each use without it.
os.environ.setdefault("PTB_TIMEDELTA", "true")
