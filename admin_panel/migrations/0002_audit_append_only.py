"""The audit trail only grows, and PostgreSQL stops the owner too."""

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% only grows: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("admin_panel", "0001_initial")]
    operations = [
        migrations.RunSQL(
            APPEND_ONLY, "DROP TRIGGER audit_logs_append_only ON audit_logs; DROP FUNCTION refuse_change();"
        )
    ]
