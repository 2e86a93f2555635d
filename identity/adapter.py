"""Every read of the identity database that an application makes, bound to its context."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from exchanger.kernel.contexts import Context, require
from identity.models import Session, User, UserPermission, UserProfile
from identity.session_values import stored_id
from identity.user_sessions import UserSession, count_sessions, list_sessions


class IdentityAdapter:
    """The source document's adapter: the filter by context is part of every query.

    Raises:
        ForeignContext, NoContext: made for another context than the process's own.
    """

    def __init__(self, context: Context) -> None:
        require(context)
        self.context = context

    def find_session(self, session_key: str) -> Session | None:
        """The live session of a key as its cookie holds it, in this context only."""
        return self._live_sessions().filter(pk=stored_id(session_key)).first()

    def find_session_addresses(self, email: str) -> set[str]:
        """The IP addresses from which the person's living sessions in this context were opened."""
        sessions = self._live_sessions().filter(user__email=User.objects.normalize_email(email))
        return {address for address in sessions.values_list("ip_address", flat=True).distinct() if address}

    def find_user_sessions(self, user_id: UUID) -> QuerySet[Session]:
        """A person's live sessions in this context, without their data."""
        return self._live_sessions().filter(user_id=user_id).defer("session_data")

    def find_user_profile(self, user_id: UUID) -> UserProfile:
        """What the person tells about themselves; the defaults of an empty profile where they have none yet."""
        return UserProfile.objects.filter(pk=user_id).first() or UserProfile(user_id=user_id)

    def find_profiles(self, ids: Iterable[UUID]) -> dict[UUID, UserProfile]:
        """The profiles of people, by whose they are; of those who have one."""
        return {profile.user_id: profile for profile in UserProfile.objects.filter(pk__in=set(ids))}

    def find_user_permissions(self, user_id: UUID) -> QuerySet[UserPermission]:
        """What the person may do in this context."""
        return UserPermission.objects.filter(user_id=user_id, application_context=self.context)

    def find_users(self, ids: Iterable[UUID]) -> dict[UUID, User]:
        """People by id, without their password hashes."""
        return {user.pk: user for user in User.objects.defer("password").filter(pk__in=set(ids))}

    def find_user_id_by_telegram(self, telegram_user_id: int) -> UUID | None:
        """Whose Telegram account this is; None when nobody has linked it."""
        return UserProfile.objects.filter(telegram_user_id=telegram_user_id).values_list("user_id", flat=True).first()

    def find_user_by_telegram(self, telegram_user_id: int) -> User | None:
        """Whose Telegram account this is, with the profile that says so, as one statement finds them."""
        users = User.objects.defer("password").select_related("profile")
        return users.filter(profile__telegram_user_id=telegram_user_id).first()

    def find_profile_by_telegram(self, telegram_user_id: int) -> UserProfile | None:
        """The profile of whoever has linked this Telegram account, who comes along; None when nobody has."""
        profiles = UserProfile.objects.select_related("user").defer("user__password")
        return profiles.filter(telegram_user_id=telegram_user_id).first()

    def find_telegram_account(self, user_id: UUID) -> int | None:
        """The id of the Telegram account that a person has linked."""
        profiles = UserProfile.objects.filter(user_id=user_id)
        return profiles.values_list("telegram_user_id", flat=True).first()

    def find_user_by_email(self, email: str) -> User | None:
        return User.objects.defer("password").filter(email=User.objects.normalize_email(email)).first()

    def find_sessions_everywhere(self, user_id: UUID, *, limit: int) -> list[UserSession]:
        """A person's live sessions in all contexts, the last seen first; for the admin context only.

        Raises:
            ForeignContext: in another context, whose login may not ask either.
        """
        require(Context.ADMIN)
        return list_sessions(user_id, limit)

    def count_sessions_everywhere(self, user_id: UUID) -> dict[Context, int]:
        """How many live sessions a person has in each context; for the admin context only.

        Raises:
            ForeignContext: in another context, whose login may not ask either.
        """
        require(Context.ADMIN)
        live = count_sessions(user_id)
        return {context: live.get(context, 0) for context in Context}

    def _live_sessions(self) -> QuerySet[Session]:
        return Session.objects.filter(application_context=self.context, expires_at__gt=Now())
