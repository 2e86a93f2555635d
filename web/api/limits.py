"""How often somebody may use what costs the house work and the client nothing."""

from typing import Final

from exchanger.kernel.cache.counters import Rule

QUOTES: Final = Rule("quotes", free=60, life=60)  # by person: each is a row that is kept for a month
HISTORY: Final = Rule("rate-history", free=60, life=60)  # by address: it is open to everybody, and worked out anew
ORDERS: Final = Rule("orders", free=30, life=60)  # by person: each is told to operators, and stays for good
