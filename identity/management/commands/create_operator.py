import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction

from exchanger.kernel.contexts import IDENTITY, Context
from identity.models import SUPERUSER, User
from identity.services.permissions import permission_grant
from identity.services.users import user_create


class Command(BaseCommand):
    help = (
        "Give a person everything in the operators' panel, and make the person first if nobody has the address. "
        "An account that is there must have confirmed its address: else anybody may have opened it. "
        "A new person's password is asked for, or read from standard input where that is no terminal."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"{email} is no e-mail address.") from error
        with transaction.atomic(using=IDENTITY):
            user = User.objects.filter(email=User.objects.normalize_email(email)).first()
            made = user is None
            if user is None:
                user = user_create(email=email, password=self._password(email), email_verified=True)
            elif not user.email_verified:
                raise CommandError(
                    f"{user.email} has an account whose address nobody has confirmed, so it may be a stranger's: have "
                    "its owner set a new password by mail, which confirms it, and run this again."
                )
            elif user.blocked_at is not None:
                raise CommandError(f"{user.email} is blocked: another operator has to let them in again first.")
            permission_grant(user_id=user.pk, permission=SUPERUSER, context=Context.ADMIN)
        self.stdout.write(f"{user.email}: {'created, and ' if made else ''}may do everything in the operators' panel.")

    def _password(self, email: str) -> str:
        if sys.stdin.isatty():
            password = getpass.getpass("Password: ")
            if getpass.getpass("Password again: ") != password:
                raise CommandError("The two passwords differ.")
        else:
            password = sys.stdin.readline().rstrip("\n")
        try:
            validate_password(password, User(email=email))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        return password
