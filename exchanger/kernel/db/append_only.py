from django.db.migrations import RunSQL

_CREATE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% only grows: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
_DROP = "DROP TRIGGER {table}_append_only ON {table}; DROP FUNCTION refuse_change();"


def append_only(table: str) -> RunSQL:
    """A migration's operation after which PostgreSQL lets ``table`` only grow, whoever asks, its owner included."""
    return RunSQL(_CREATE.format(table=table), _DROP.format(table=table))
