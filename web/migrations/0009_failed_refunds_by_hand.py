"""A refund that its processor has refused may be sent by hand: from failed it goes to succeeded too."""

from django.db import migrations

BEFORE = "('requested', 'approved'), ('requested', 'rejected'), ('approved', 'succeeded'), ('approved', 'failed'), \
('failed', 'approved'), ('rejected', 'requested')"
AFTER = f"{BEFORE}, ('failed', 'succeeded')"


def moves(listed: str) -> str:
    return f"""
    CREATE OR REPLACE TRIGGER refunds_moves BEFORE UPDATE ON refunds FOR EACH ROW
        WHEN (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN ({listed}))
        EXECUTE FUNCTION refuse_undeclared_move();
    """


class Migration(migrations.Migration):
    dependencies = [
        ("web", "0008_transactions_payment_index"),
    ]

    operations = [
        migrations.RunSQL(moves(AFTER), moves(BEFORE)),
    ]
