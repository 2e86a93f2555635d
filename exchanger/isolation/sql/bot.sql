-- exchanger_bot: the telegram application works here; operators read, and queue notifications.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM exchanger_telegram, exchanger_admin;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM exchanger_telegram, exchanger_admin;

GRANT SELECT ON django_migrations TO exchanger_telegram, exchanger_admin;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON conversations, messages, notifications, bot_state, user_commands, bot_updates, bot_replies, cache_invalidations
    TO exchanger_telegram;
GRANT SELECT, INSERT, UPDATE (handled_at) ON event_inbox TO exchanger_telegram;
GRANT SELECT ON broadcasts TO exchanger_telegram;

GRANT SELECT
    ON conversations, messages, notifications, bot_state, user_commands, bot_updates, bot_replies, event_inbox
    TO exchanger_admin;
GRANT INSERT ON notifications TO exchanger_admin;
-- A notification that is dead may be tried again.
GRANT UPDATE (next_attempt_at, dead_at, attempts, failure) ON notifications TO exchanger_admin;
GRANT SELECT, INSERT, UPDATE (status, total, queued, cursor, reason, started_at, finished_at)
    ON broadcasts TO exchanger_admin;
GRANT SELECT, INSERT, DELETE ON cache_invalidations TO exchanger_admin;

-- The job queue of the telegram workers.
GRANT SELECT, INSERT, UPDATE, DELETE
    ON procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers, procrastinate_workers TO exchanger_telegram;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO exchanger_telegram;
DO $$
DECLARE job_function regprocedure;
BEGIN
    FOR job_function IN SELECT oid FROM pg_proc WHERE proname LIKE 'procrastinate\_%' LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO exchanger_telegram', job_function);
    END LOOP;
END $$;
