-- exchanger_admin: the operators' own database; no other application may even connect.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM exchanger_admin;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM exchanger_admin;

GRANT SELECT ON django_migrations TO exchanger_admin;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON admin_settings, reports, system_metrics, configurations, cache_invalidations TO exchanger_admin;

-- The operators' second factor: the reason why it is here is that no other login reaches this database.
GRANT SELECT, INSERT, UPDATE, DELETE ON operator_factors, operator_recovery_codes TO exchanger_admin;

-- The audit trail only grows. Its chain of hashes is appended by a trigger, as the owner, and read to verify it.
GRANT SELECT, INSERT ON audit_logs, audit_outcomes TO exchanger_admin;
GRANT SELECT ON audit_chain TO exchanger_admin;

-- The job queue of the admin workers.
GRANT SELECT, INSERT, UPDATE, DELETE
    ON procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers, procrastinate_workers TO exchanger_admin;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO exchanger_admin;
DO $$
DECLARE job_function regprocedure;
BEGIN
    FOR job_function IN SELECT oid FROM pg_proc WHERE proname LIKE 'procrastinate\_%' LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO exchanger_admin', job_function);
    END LOOP;
END $$;

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
