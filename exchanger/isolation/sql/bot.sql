-- exchanger_bot: the telegram application works here; operators read, and queue notifications.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM exchanger_telegram, exchanger_admin;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM exchanger_telegram, exchanger_admin;

GRANT SELECT ON django_migrations TO exchanger_telegram, exchanger_admin;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON conversations, messages, notifications, bot_state, user_commands, bot_updates, bot_replies, quiet_hours,
        cache_invalidations
    TO exchanger_telegram;
GRANT SELECT, INSERT, UPDATE (handled_at) ON event_inbox TO exchanger_telegram;
GRANT SELECT, INSERT, DELETE ON rate_alerts TO exchanger_telegram;
GRANT SELECT, INSERT, UPDATE ON notification_preferences TO exchanger_telegram;
GRANT SELECT ON broadcasts TO exchanger_telegram;
GRANT SELECT ON published_configuration TO exchanger_telegram;

GRANT SELECT
    ON conversations, messages, notifications, bot_state, user_commands, bot_updates, bot_replies, event_inbox,
        rate_alerts, notification_preferences
    TO exchanger_admin;
GRANT INSERT ON notifications TO exchanger_admin;
-- A notification that is dead may be tried again.
GRANT UPDATE (next_attempt_at, dead_at, attempts, failure) ON notifications TO exchanger_admin;
GRANT SELECT, INSERT, UPDATE (status, total, queued, cursor, reason, started_at, finished_at)
    ON broadcasts TO exchanger_admin;
-- Operators publish the configuration that the telegram application obeys.
GRANT SELECT, INSERT, UPDATE ON published_configuration TO exchanger_admin;
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

-- What the bot has given up: operators have it tried again, or let it be, and change nothing else of it.
CREATE OR REPLACE FUNCTION retry_given_up_update(target bigint) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        WITH changed AS (
            UPDATE public.bot_updates
            SET dead_at = NULL, attempts = 0, failure = '', next_attempt_at = now(), retried_at = now()
            WHERE update_id = target AND dead_at IS NOT NULL AND dismissed_at IS NULL RETURNING 1)
        SELECT EXISTS (SELECT FROM changed)
    $$;
CREATE OR REPLACE FUNCTION dismiss_given_up_update(target bigint) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        WITH changed AS (
            UPDATE public.bot_updates SET dismissed_at = now()
            WHERE update_id = target AND dead_at IS NOT NULL AND dismissed_at IS NULL RETURNING 1)
        SELECT EXISTS (SELECT FROM changed)
    $$;
CREATE OR REPLACE FUNCTION retry_given_up_reply(target bigint) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        WITH changed AS (
            UPDATE public.bot_replies SET dead_at = NULL, attempts = 0, failure = '', next_attempt_at = now()
            WHERE id = target AND dead_at IS NOT NULL AND dismissed_at IS NULL RETURNING 1)
        SELECT EXISTS (SELECT FROM changed)
    $$;
CREATE OR REPLACE FUNCTION dismiss_given_up_reply(target bigint) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        WITH changed AS (
            UPDATE public.bot_replies SET dismissed_at = now()
            WHERE id = target AND dead_at IS NOT NULL AND dismissed_at IS NULL RETURNING 1)
        SELECT EXISTS (SELECT FROM changed)
    $$;
GRANT EXECUTE ON FUNCTION
    retry_given_up_update(bigint), dismiss_given_up_update(bigint),
    retry_given_up_reply(bigint), dismiss_given_up_reply(bigint) TO exchanger_admin;

-- How much waits in the queue, for the operators: three numbers, nothing of any job.
CREATE OR REPLACE FUNCTION count_jobs(OUT waiting bigint, OUT running bigint, OUT oldest timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        WITH due AS (
            SELECT j.id, j.scheduled_at FROM public.procrastinate_jobs j
            WHERE j.status = 'todo' AND (j.scheduled_at IS NULL OR j.scheduled_at <= now())
        )
        SELECT
            (SELECT count(*) FROM due),
            (SELECT count(*) FROM public.procrastinate_jobs j WHERE j.status = 'doing'),
            least(
                (SELECT min(scheduled_at) FROM due),
                -- Of those that were due at once, the one with the lowest number was deferred first.
                (SELECT min(e.at) FROM public.procrastinate_events e
                 WHERE e.job_id = (SELECT min(id) FROM due WHERE scheduled_at IS NULL))
            )
    $$;
GRANT EXECUTE ON FUNCTION count_jobs() TO exchanger_admin;
