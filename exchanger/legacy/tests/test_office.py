"""An old platform in order comes over whole, and the new one stands as if it had always been its own."""

from django.core.management import call_command

from exchanger.legacy.batches import Totals


def test_a_row_of_every_table_comes_over_and_the_ledger_and_the_trail_are_whole(old, take, as_context):
    old.office()

    outcome = take(old)

    assert outcome.rejects == 0
    assert {name: totals for name, totals in outcome.totals.items() if totals.taken != 1} == {
        "user_permissions": Totals(3, 3),
        "ledger": Totals(1, 4),
    }
    with as_context(None):
        call_command("verify_ledger")
        call_command("verify_audit")
