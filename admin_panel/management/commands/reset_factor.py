from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from admin_panel.services.factors import lost_factor_reset
from exchanger.kernel.contexts import current_or_none
from identity.models import User


class Command(BaseCommand):
    help = (
        "Take the second factor of an operator away who has lost it, and end their sessions in the panel. Run it as "
        "the owner; where another operator can log in, they do it on the person's page."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        if current_or_none() is not None:
            raise CommandError("Run it as maintenance: without EXCHANGER_CONTEXT, with the owner's URLs.")
        user = User.objects.filter(email=User.objects.normalize_email(email)).first()
        if user is None:
            raise CommandError(f"Nobody has the address {email}.")
        had_one = lost_factor_reset(user_id=user.pk)
        told = "has no second factor any more, and sets one up at the next login" if had_one else "had no second factor"
        self.stdout.write(f"{user.email} {told}.")
