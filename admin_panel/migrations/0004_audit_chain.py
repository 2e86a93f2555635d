from django.db import migrations

from admin_panel.canonical import CHAINED, FIRST_PREVIOUS, link_text, row_text

# What was written before there were outcomes was written after the fact, so it has one.
_OUTCOMES = """
INSERT INTO audit_outcomes (audit_id, outcome, details, created_at)
SELECT id, CASE WHEN action = 'access.denied' THEN 'denied' ELSE 'done' END,
       '{"note": "written before outcomes were kept"}', created_at
FROM audit_logs ORDER BY created_at, id;
"""

# One writer at a time, to the end of its transaction: the chain cannot fork, and its order is that of the commits.
_APPEND = f"""
CREATE FUNCTION audit_chain_append(entry text, row_id uuid, row_text text) RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    last record;
    link public.audit_chain;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('audit chain'));
    SELECT c.seq, c.hash INTO last FROM public.audit_chain c ORDER BY c.seq DESC LIMIT 1;
    link.seq := coalesce(last.seq, 0) + 1;
    link.entry := entry;
    link.row_id := row_id;
    link.previous_hash := coalesce(last.hash, '{FIRST_PREVIOUS}');
    link.chained_at := clock_timestamp();
    link.hash := encode(sha256(convert_to(
        {link_text("link.seq", "link.entry", "link.chained_at", "link.previous_hash", "row_text")}, 'UTF8'
    )), 'hex');
    INSERT INTO public.audit_chain SELECT link.*;
END $$;
REVOKE ALL ON FUNCTION audit_chain_append(text, uuid, text) FROM PUBLIC;

CREATE FUNCTION stamp_created_at() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER') THEN
        NEW.created_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
"""  # noqa: S608

_CHAIN = """
CREATE FUNCTION chain_{table}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.audit_chain_append('{table}', NEW.id, {new});
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION chain_{table}() FROM PUBLIC;
DO $$
DECLARE found record;
BEGIN
    FOR found IN SELECT * FROM {table} ORDER BY created_at, id LOOP
        PERFORM audit_chain_append('{table}', found.id, {found});
    END LOOP;
END $$;
CREATE TRIGGER {table}_stamp BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION stamp_created_at();
CREATE TRIGGER {table}_chain AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION chain_{table}();
"""
_UNCHAIN = """
DROP TRIGGER {table}_stamp ON {table};
DROP TRIGGER {table}_chain ON {table};
DROP FUNCTION chain_{table}();
"""

_ONLY_GROWS = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
_MAY_SHRINK = "DROP TRIGGER {table}_append_only ON {table};"


def _chained() -> list[migrations.RunSQL]:
    return [
        migrations.RunSQL(
            _CHAIN.format(table=table, new=row_text(table, "NEW"), found=row_text(table, "found")),
            _UNCHAIN.format(table=table),
        )
        for table in CHAINED
    ]


class Migration(migrations.Migration):
    dependencies = [("admin_panel", "0003_audit_outcomes")]
    operations = [
        migrations.RunSQL(_OUTCOMES, migrations.RunSQL.noop),
        migrations.RunSQL(
            _APPEND, "DROP FUNCTION audit_chain_append(text, uuid, text); DROP FUNCTION stamp_created_at();"
        ),
        *_chained(),
        *(
            migrations.RunSQL(_ONLY_GROWS.format(table=table), _MAY_SHRINK.format(table=table))
            for table in ("audit_outcomes", "audit_chain")
        ),
    ]
