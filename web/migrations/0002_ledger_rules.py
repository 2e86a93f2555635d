"""The ledger's rules, kept by PostgreSQL: entries are never changed, and balance when their transaction commits."""

from django.db import migrations

from exchanger.kernel.db.append_only import append_only

BALANCED = """
CREATE FUNCTION refuse_imbalance() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE balance numeric;
BEGIN
    SELECT sum(amount) INTO balance FROM public.transactions
        WHERE order_id = NEW.order_id AND currency = NEW.currency;
    IF balance <> 0 THEN
        RAISE EXCEPTION 'ledger entries of order % in % sum to %, not zero', NEW.order_id, NEW.currency, balance
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER transactions_balance AFTER INSERT ON transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_imbalance();
"""


class Migration(migrations.Migration):
    dependencies = [("web", "0001_initial")]
    operations = [
        append_only("transactions"),
        migrations.RunSQL(
            BALANCED, "DROP TRIGGER transactions_balance ON transactions; DROP FUNCTION refuse_imbalance();"
        ),
    ]
