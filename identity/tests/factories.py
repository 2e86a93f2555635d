import factory
from django.contrib.auth.hashers import make_password

from exchanger.kernel.contexts import Context
from exchanger.testing.factories import OwnedFactory
from identity.models import SUPERUSER, User, UserPermission, UserProfile

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
