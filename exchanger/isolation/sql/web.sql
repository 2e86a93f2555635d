-- exchanger_web: who may do what. The web application works here; operators read, and write what they decide on.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM exchanger_web, exchanger_admin;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM exchanger_web, exchanger_admin;

GRANT SELECT ON django_migrations TO exchanger_web, exchanger_admin;

-- Money leaves a trace: no login deletes an order, a payment or a ledger entry, and nobody changes an entry.
GRANT SELECT, INSERT, UPDATE ON orders, payments, refunds TO exchanger_web;
GRANT SELECT, INSERT ON transactions, analytics_events TO exchanger_web;
GRANT SELECT, INSERT, UPDATE ON exchange_rates TO exchanger_web;
-- Operators decide on a held rate; web's workers withdraw it when its provider says something else.
GRANT SELECT, INSERT, UPDATE (status) ON held_rates TO exchanger_web;
-- A quote's figures are firm: all that changes is which order took it. Old unused ones are purged.
GRANT SELECT, INSERT, DELETE, UPDATE (order_id) ON quotes TO exchanger_web;
GRANT SELECT ON published_configuration TO exchanger_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON cache_invalidations TO exchanger_web;
GRANT SELECT, INSERT, DELETE ON idempotency_keys, provider_events TO exchanger_web;

-- Whoever changes an order announces it; PostgreSQL queues the delivery, and web's workers say that it arrived.
GRANT SELECT, INSERT ON event_deliveries TO exchanger_web, exchanger_admin;
GRANT UPDATE (delivered_at) ON event_deliveries TO exchanger_web;

GRANT SELECT ON orders, payments, transactions, analytics_events, exchange_rates TO exchanger_admin;
GRANT UPDATE (status, updated_at) ON orders TO exchanger_admin;
-- They say that a transfer has come, and how much; a payment's amount is fixed once it has. One that no attempt asked
-- for is a payment of its own.
GRANT INSERT ON payments TO exchanger_admin;
GRANT UPDATE (status, amount, received_at, updated_at) ON payments TO exchanger_admin;
GRANT SELECT, INSERT, UPDATE (status, requested_by, approved_by, reason, reference, updated_at)
    ON refunds TO exchanger_admin;
GRANT INSERT ON transactions, analytics_events TO exchanger_admin;
GRANT INSERT, UPDATE ON exchange_rates TO exchanger_admin;
GRANT SELECT, UPDATE (status, decided_at, decided_by) ON held_rates TO exchanger_admin;
GRANT SELECT ON quotes TO exchanger_admin;
-- Operators publish the configuration that the web application obeys.
GRANT SELECT, INSERT, UPDATE ON published_configuration TO exchanger_admin;
GRANT SELECT, INSERT, DELETE ON cache_invalidations TO exchanger_admin;

-- The job queue of the web workers.
GRANT SELECT, INSERT, UPDATE, DELETE
    ON procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers, procrastinate_workers TO exchanger_web;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO exchanger_web;
DO $$
DECLARE job_function regprocedure;
BEGIN
    FOR job_function IN SELECT oid FROM pg_proc WHERE proname LIKE 'procrastinate\_%' LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO exchanger_web', job_function);
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
