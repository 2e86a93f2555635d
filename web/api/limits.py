"""How often somebody may use what costs the house work and the client nothing; counted in Redis."""

from typing import Final

from django.conf import settings

from exchanger.kernel.cache.counters import Rule

PER_MINUTE: Final = settings.API_PER_MINUTE
QUOTES: Final = Rule("quotes", free=PER_MINUTE["quotes"], life=60)  # by person: each is a row kept for a month
# By address: it is open to everybody, and worked out anew.
HISTORY: Final = Rule("rate-history", free=PER_MINUTE["history"], life=60)
EXPORTS: Final = Rule("exports", free=PER_MINUTE["exports"], life=60)  # by person: each may be a million rows
ORDERS: Final = Rule("orders", free=PER_MINUTE["orders"], life=60)  # by person: each stays for good
