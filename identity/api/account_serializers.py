"""What the account's routes take and give."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from django.conf import settings
from rest_framework import serializers

from exchanger.kernel.fields import TextField
from identity.api.serializers import AccountSerializer
from identity.devices import device_name
from identity.models import Session, User

PASSWORD_LENGTH = 1024  # characters: hashing must not be made to work for megabytes
TOKEN_LENGTH = 1024
_NAME_HELP = "As the person wants to be called; may be empty."
_LANGUAGE_HELP = "The language of our mails and messages."


class PasswordField(TextField):
    """A password as it was typed, spaces included."""

    def __init__(self, help_text: str = "") -> None:
        super().__init__(
            max_length=PASSWORD_LENGTH, trim_whitespace=False, style={"input_type": "password"}, help_text=help_text
        )


class AddressField(serializers.EmailField):
    """An address as it is kept, which is what its length is measured by: a letter's lower case may be two."""

    def __init__(self) -> None:
        super().__init__(max_length=255)

    def to_internal_value(self, data: Any) -> str:
        return User.objects.normalize_email(super().to_internal_value(data))


class RegistrationSerializer(serializers.Serializer[Any]):
    email = AddressField()
    password = PasswordField(help_text="10 characters or more, not a common password.")
    display_name = TextField(max_length=255, allow_blank=True, default="", help_text=_NAME_HELP)
    language = serializers.ChoiceField(settings.LANGUAGES, default=settings.LANGUAGE_CODE, help_text=_LANGUAGE_HELP)


class AddressSerializer(serializers.Serializer[Any]):
    email = AddressField()


class TokenSerializer(serializers.Serializer[Any]):
    token = TextField(max_length=TOKEN_LENGTH, help_text="What stands behind token= in the mail's link.")


class PasswordResetSerializer(TokenSerializer):
    password = PasswordField(help_text="The new password.")


class PasswordChangeSerializer(serializers.Serializer[Any]):
    current_password = PasswordField()
    new_password = PasswordField()


class AcceptedSerializer(serializers.Serializer[Any]):
    message = serializers.CharField()


class RenewedSessionSerializer(serializers.Serializer[Any]):
    expires_at = serializers.DateTimeField()
    session_key = serializers.CharField(
        allow_null=True, help_text="This session's new key, where it is a bearer's; the old one has ended."
    )
    user = AccountSerializer()


class OwnSessionSerializer(serializers.Serializer[Session]):
    """One of the person's own sessions of this application. ``id`` opens nothing: it is not the session's key."""

    id = serializers.CharField()
    device = serializers.SerializerMethodField(help_text="A short name of the program, such as Firefox on Windows.")
    user_agent = serializers.CharField(help_text="The program as it named itself when the session was opened.")
    ip_address = serializers.IPAddressField(allow_null=True, help_text="Where the session was opened from.")
    created_at = serializers.DateTimeField()
    last_seen = serializers.DateTimeField(source="updated_at", help_text="To the minute.")
    expires_at = serializers.DateTimeField(help_text="When it ends if it is not used any more.")
    current = serializers.SerializerMethodField(help_text="Whether this request was made with it.")

    def get_device(self, session: Session) -> str:
        return device_name(session.user_agent)

    def get_current(self, session: Session) -> bool:
        return bool(session.pk == self.context["current"])


class TelegramLinkSerializer(serializers.Serializer[Any]):
    linked = serializers.BooleanField()
    linked_since = serializers.DateTimeField(
        allow_null=True, help_text="Null where nothing is linked, or nobody knows since when."
    )


class TelegramLinkCodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="To be sent to the bot, once; small letters and hyphens do no harm.")
    deep_link = serializers.URLField(
        allow_null=True, help_text="Opens the bot with the code; null where the bot's name is not set here."
    )
    expires_at = serializers.DateTimeField(help_text="After ten minutes, or with the next code.")


class EndedSerializer(serializers.Serializer[Any]):
    ended = serializers.IntegerField(help_text="How many sessions were ended.")


class ProfileSerializer(serializers.Serializer[Any]):
    display_name = TextField(max_length=255, allow_blank=True, help_text=_NAME_HELP)
    phone = TextField(
        max_length=32, allow_blank=True, help_text="International, such as +380 44 123 4567; kept as +380441234567."
    )
    language = serializers.ChoiceField(settings.LANGUAGES, help_text=_LANGUAGE_HELP)
    time_zone = TextField(max_length=64, help_text="A name of the IANA database, such as Europe/Kyiv.")

    def validate_phone(self, phone: str) -> str:
        """The number in E.164; one that no plan has yet passes, since plans change faster than a library's tables."""
        if not phone:
            return phone
        try:
            number = phonenumbers.parse(phone)
        except phonenumbers.NumberParseException:
            number = None
        if number is None or not phonenumbers.is_possible_number(number):
            raise serializers.ValidationError("Enter the number with + and the country's code, like +380441234567.")
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    def validate_time_zone(self, name: str) -> str:
        if name not in _time_zones():
            raise serializers.ValidationError("Enter a name of the IANA time zone database, such as Europe/Kyiv.")
        return name


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
