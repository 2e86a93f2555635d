"""The logins of the demo: the same everywhere, which is why ``seed_demo`` refuses servers that are not local."""

from dataclasses import dataclass
from typing import Final

from exchanger.kernel.contexts import Context

PASSWORD: Final = "exchanger-demo-2025"  # noqa: S105  # public by intent


@dataclass(frozen=True, slots=True)
class Account:
    """A login to show to whoever tries the platform; ``contexts`` are the applications that it is good for."""

    email: str
    contexts: tuple[Context, ...]
    what: str
    password: str = PASSWORD


OPERATOR: Final = Account("operator@exchanger.example", (Context.ADMIN,), "operator: everything in the admin panel")
VIEWER: Final = Account(
    "viewer@exchanger.example", (Context.ADMIN,), "viewer: sees the admin panel and changes nothing"
)
CLIENT: Final = Account("client@exchanger.example", (Context.WEB,), "client in Ukrainian, linked to Telegram")
EMMA: Final = Account("emma@exchanger.example", (Context.WEB,), "client in English, without Telegram")
DMITRY: Final = Account("dmitry@exchanger.example", (Context.WEB,), "client in Russian, linked to Telegram")

ACCOUNTS: Final = (OPERATOR, VIEWER, CLIENT, EMMA, DMITRY)
