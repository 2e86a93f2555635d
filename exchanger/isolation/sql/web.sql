-- exchanger_web: who may do what. The web application works here; operators read, and write what they decide on.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM exchanger_web, exchanger_admin;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM exchanger_web, exchanger_admin;

GRANT SELECT ON django_migrations TO exchanger_web, exchanger_admin;

-- Money leaves a trace: no login deletes an order, a payment or a ledger entry, and nobody changes an entry.
GRANT SELECT, INSERT, UPDATE ON orders, payments TO exchanger_web;
GRANT SELECT, INSERT ON transactions, analytics_events TO exchanger_web;
GRANT SELECT, INSERT, UPDATE ON exchange_rates TO exchanger_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON cache_invalidations TO exchanger_web;
GRANT SELECT, INSERT, DELETE ON idempotency_keys TO exchanger_web;

-- Whoever changes an order announces it; PostgreSQL queues the delivery, and web's workers say that it arrived.
GRANT SELECT, INSERT ON event_deliveries TO exchanger_web, exchanger_admin;
GRANT UPDATE (delivered_at) ON event_deliveries TO exchanger_web;

GRANT SELECT ON orders, payments, transactions, analytics_events, exchange_rates TO exchanger_admin;
GRANT UPDATE (status, updated_at) ON orders TO exchanger_admin;
GRANT UPDATE (status) ON payments TO exchanger_admin;
GRANT INSERT ON transactions, analytics_events TO exchanger_admin;
GRANT INSERT, UPDATE ON exchange_rates TO exchanger_admin;
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
