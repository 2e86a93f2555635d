from typing import Any

from rest_framework import serializers

from exchanger.kernel.fields import TextField


class TransportSerializer(serializers.Serializer[Any]):
    transport = serializers.ChoiceField(
        choices=["cookie", "bearer"],
        default="cookie",
        help_text="cookie: for browsers, with a CSRF token. bearer: the key is in the answer, and no cookie is set.",
    )


class LoginSerializer(TransportSerializer):
    email = serializers.EmailField(max_length=255)
    password = TextField(max_length=1024, trim_whitespace=False, style={"input_type": "password"})


class TelegramLoginSerializer(TransportSerializer):
    init_data = TextField(max_length=4096, trim_whitespace=False, help_text="Telegram.WebApp.initData, as it is.")


class AccountSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    email_verified = serializers.BooleanField()
    permissions = serializers.SerializerMethodField()

    def get_permissions(self, user: Any) -> list[str]:
        return sorted(user.granted)


class SessionSerializer(serializers.Serializer[Any]):
    application_context = serializers.CharField()
    expires_at = serializers.DateTimeField()
    session_key = serializers.CharField(allow_null=True, help_text="With transport=bearer, or to a bearer key.")
    user = AccountSerializer()
