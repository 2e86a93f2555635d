"""The chain begins with what was there before it."""

import io

import pytest
from django.core.management import call_command

from admin_panel.models import AuditLog, AuditOutcome, ChainLink
from exchanger.isolation.grants import apply_grants


@pytest.fixture
def before_the_chain(as_context):
    """The admin database as it was before it had outcomes and a chain; it is brought up to date again at the end."""
    with as_context(None):
        call_command("migrate", "admin_panel", "0002", verbosity=0, stdout=io.StringIO())
        try:
            yield
        finally:
            bring_up_to_date()


def bring_up_to_date():
    call_command("migrate", database="admin", verbosity=0, stdout=io.StringIO())
    apply_grants("admin", force=True)  # its text is what it was, but the tables are new


def test_entries_of_before_are_chained_in_their_order_and_have_an_outcome(before_the_chain, world):
    world.superuser("admin").execute(
        "INSERT INTO audit_logs (admin_id, action, resource_type, created_at) VALUES"
        " (gen_random_uuid(), 'rate.publish', 'exchange_rate', '2026-05-02'),"
        " (gen_random_uuid(), 'access.denied', 'order', '2026-05-01')"
    )
    bring_up_to_date()
    old, new = AuditLog.objects.order_by("created_at")
    assert (old.outcome, new.outcome) == ("denied", "done")
    assert list(AuditOutcome.objects.values_list("details__note", flat=True).distinct()) == [
        "written before outcomes were kept"
    ]
    links = ChainLink.objects.order_by("seq")
    logs = links.filter(entry="audit_logs")
    assert list(logs.values_list("row_id", flat=True)) == [old.pk, new.pk]
    assert links.count() == 4
    out = io.StringIO()
    call_command("verify_audit", stdout=out)
    assert "is whole: 4 links" in out.getvalue()
