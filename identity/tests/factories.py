import hashlib
from datetime import timedelta

import factory
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from exchanger.kernel.contexts import Context
from exchanger.testing.factories import OwnedFactory
from identity.models import SUPERUSER, Session, User, UserPermission, UserProfile

PASSWORD = "correct horse battery"
_HASH = make_password(PASSWORD)  # once: hashing is slow by design


class UserFactory(OwnedFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    password = _HASH
    email_verified = True

    @factory.post_generation
    def profile(self, create, extracted, **kwargs):
        if create:
            UserProfileFactory(user=self, **kwargs)

    @factory.post_generation
    def permissions(self, create, extracted, **kwargs):
        """``permissions={"admin": ["*"], "web": ["web.view_all"]}``"""
        for context, names in (extracted or {}).items():
            for name in names:
                UserPermissionFactory(user=self, application_context=context, permission=name)


class UserProfileFactory(OwnedFactory):
    class Meta:
        model = UserProfile

    user = factory.SubFactory(UserFactory, profile=None)
    display_name = factory.Faker("name")


class UserPermissionFactory(OwnedFactory):
    class Meta:
        model = UserPermission

    user = factory.SubFactory(UserFactory)
    permission = SUPERUSER
    application_context = Context.ADMIN


class SessionFactory(OwnedFactory):
    """A session's row, whose key nobody knows."""

    class Meta:
        model = Session

    id = factory.Sequence(lambda n: hashlib.sha256(f"session {n}".encode()).hexdigest())
    user = factory.SubFactory(UserFactory)
    application_context = Context.WEB
    session_data = {}
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(hours=1))
    ip_address = "203.0.113.7"
    user_agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"
