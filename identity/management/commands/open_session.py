from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchanger.kernel.contexts import current
from identity.adapter import IdentityAdapter
from identity.services.sessions import session_open


class Command(BaseCommand):
    help = "Open a session of a person in this process's context and print its key, for use as a bearer token."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> str | None:
        user = IdentityAdapter(current()).find_user_by_email(email)
        if user is None:
            raise CommandError(f"Nobody has the address {email}.")
        if user.blocked_at is not None:
            raise CommandError(f"{user.email} is blocked: a session would open nothing.")
        return session_open(user=user).session_key
