-- Numbers of the server that PostgreSQL shows to nobody but a superuser, for the operators: how many connections do what,
-- and how far replicas are behind. Bootstrap applies this in each database as the superuser, whose functions these are:
-- a membership in pg_read_all_stats would show the text of everybody's statements too.

CREATE OR REPLACE FUNCTION public.count_connections()
    RETURNS TABLE (state text, connections bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
        SELECT coalesce(a.state, 'unknown'), count(*) FROM pg_stat_activity a
        WHERE a.datname = current_database() AND a.backend_type = 'client backend' GROUP BY 1
    $$;
CREATE OR REPLACE FUNCTION public.list_replicas()
    RETURNS TABLE (replica text, bytes bigint, seconds numeric)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
        SELECT
            coalesce(nullif(r.application_name, ''), r.pid::text),
            greatest(0, pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn))::bigint,
            -- PostgreSQL forgets the time once a replica has caught up.
            CASE WHEN r.replay_lsn >= pg_current_wal_lsn() THEN 0 ELSE extract(epoch FROM r.replay_lag) END
        FROM pg_stat_replication r WHERE r.replay_lsn IS NOT NULL
    $$;
REVOKE ALL ON FUNCTION public.count_connections(), public.list_replicas() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.count_connections(), public.list_replicas() TO exchanger_admin;
