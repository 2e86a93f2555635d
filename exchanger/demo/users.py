"""The rows of the identity database: people, their profiles and what the staff may do."""

from typing import Final

from django.contrib.auth.hashers import make_password

from exchanger.demo.accounts import ACCOUNTS, PASSWORD
from exchanger.demo.ids import demo_id
from exchanger.demo.people import Person
from exchanger.demo.plan import Plan
from exchanger.kernel.contexts import Context
from identity.models import SUPERUSER, User, UserPermission, UserProfile
from identity.tests.factories import UserFactory, UserPermissionFactory, UserProfileFactory

VIEW_PERMISSIONS: Final = (
    "identity.view_user",
    "identity.view_userprofile",
    "identity.view_userpermission",
    "identity.view_session",
    "web.view_order",
    "web.view_payment",
    "web.view_transaction",
    "web.view_exchangerate",
    "web.view_analyticsevent",
    "admin_panel.view_auditlog",
    "admin_panel.view_report",
    "admin_panel.view_systemmetric",
    "admin_panel.view_adminsetting",
    "admin_panel.view_configuration",
    "bot.view_conversation",
    "bot.view_message",
    "bot.view_notification",
    "bot.view_broadcast",
    "bot.view_usercommand",
    "bot.view_botstate",
)
"""What the viewer may do, in the admin context: see everything."""


def users(plan: Plan) -> list[User]:
    """Everybody. Who is in the table of logins has the demo's password; nobody can log in as the others."""
    hashed = make_password(PASSWORD)  # once: hashing is slow by design
    known = {account.email for account in ACCOUNTS}
    return [
        UserFactory.build(
            id=person.id,
            email=person.email,
            password=hashed if person.email in known else make_password(None),
            email_verified=True,
            created_at=person.joined_at,
        )
        for person in plan.people.everybody
    ]


def profiles(plan: Plan) -> list[UserProfile]:
    return [
        UserProfileFactory.build(
            user=User(id=person.id),
            display_name=person.name,
            phone=person.phone,
            language=person.language,
            time_zone=person.time_zone,
            telegram_user_id=person.telegram_user_id,
        )
        for person in plan.people.everybody
    ]


def permissions(plan: Plan) -> list[UserPermission]:
    """The operator is the admin context's superuser; clients need no permission for what is their own."""
    operator, viewer = plan.people.staff
    return [_granted(operator, SUPERUSER), *(_granted(viewer, permission) for permission in VIEW_PERMISSIONS)]


def _granted(person: Person, permission: str) -> UserPermission:
    granted: UserPermission = UserPermissionFactory.build(
        id=demo_id("permission", person.key, permission),
        user=User(id=person.id),
        permission=permission,
        application_context=Context.ADMIN,
        granted_at=person.joined_at,
    )
    return granted
