-- exchanger_identity: who may do what. Applied whole, in one transaction, by the owner; what is not granted is refused.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM exchanger_web, exchanger_admin, exchanger_telegram;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM exchanger_web, exchanger_admin, exchanger_telegram;

GRANT SELECT ON django_migrations TO exchanger_web, exchanger_admin, exchanger_telegram;

-- People. The telegram application never sees a password hash, and changes nobody.
GRANT SELECT, INSERT, UPDATE ON users TO exchanger_web, exchanger_admin;
GRANT SELECT (id, email, email_verified, password_changed_at, created_at, updated_at) ON users TO exchanger_telegram;
GRANT SELECT, INSERT, UPDATE ON user_profiles TO exchanger_web, exchanger_admin;
GRANT SELECT ON user_profiles TO exchanger_telegram;

-- Sessions: each login sees and changes the rows of its own context. The policies bind to roles, since a setting
-- could be changed by a single SET; and they do not force the owner, who migrates data and owns the functions below.
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO exchanger_web, exchanger_admin, exchanger_telegram;
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS web_rows ON sessions;
DROP POLICY IF EXISTS admin_rows ON sessions;
DROP POLICY IF EXISTS telegram_rows ON sessions;
CREATE POLICY web_rows ON sessions TO exchanger_web
    USING (application_context = 'web') WITH CHECK (application_context = 'web');
CREATE POLICY admin_rows ON sessions TO exchanger_admin
    USING (application_context = 'admin') WITH CHECK (application_context = 'admin');
CREATE POLICY telegram_rows ON sessions TO exchanger_telegram
    USING (application_context = 'telegram') WITH CHECK (application_context = 'telegram');

-- Permissions: read in one's own context; granted and revoked by operators, for every context.
GRANT SELECT ON user_permissions TO exchanger_web, exchanger_telegram;
GRANT SELECT, INSERT, UPDATE, DELETE ON user_permissions TO exchanger_admin;
ALTER TABLE user_permissions ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS web_rows ON user_permissions;
DROP POLICY IF EXISTS admin_rows ON user_permissions;
DROP POLICY IF EXISTS telegram_rows ON user_permissions;
CREATE POLICY web_rows ON user_permissions TO exchanger_web USING (application_context = 'web');
CREATE POLICY telegram_rows ON user_permissions TO exchanger_telegram USING (application_context = 'telegram');
CREATE POLICY admin_rows ON user_permissions TO exchanger_admin USING (true) WITH CHECK (true);

-- Keys waiting to leave Redis: each login handles those that its Redis user may delete.
GRANT SELECT, INSERT, UPDATE, DELETE ON cache_invalidations TO exchanger_web, exchanger_admin, exchanger_telegram;
ALTER TABLE cache_invalidations ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS web_rows ON cache_invalidations;
DROP POLICY IF EXISTS admin_rows ON cache_invalidations;
DROP POLICY IF EXISTS telegram_rows ON cache_invalidations;
CREATE POLICY web_rows ON cache_invalidations TO exchanger_web
    USING (key LIKE 'identity:session:web:%' OR key LIKE 'identity:user:%');
CREATE POLICY telegram_rows ON cache_invalidations TO exchanger_telegram
    USING (key LIKE 'identity:session:telegram:%' OR key LIKE 'identity:user:%');
CREATE POLICY admin_rows ON cache_invalidations TO exchanger_admin
    USING (key LIKE 'identity:session:%' OR key LIKE 'identity:user:%');

-- Django admin's own bookkeeping.
GRANT SELECT ON django_content_type, auth_permission, auth_group, auth_group_permissions TO exchanger_admin;

-- Operators end any person's sessions in any context; the function tells which ended, never what they held.
CREATE OR REPLACE FUNCTION revoke_user_sessions(target uuid)
    RETURNS TABLE (id varchar, application_context varchar)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        DELETE FROM public.sessions s WHERE s.user_id = target RETURNING s.id, s.application_context
    $$;
CREATE OR REPLACE FUNCTION revoke_context_sessions(target uuid, context varchar)
    RETURNS TABLE (id varchar, application_context varchar)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        DELETE FROM public.sessions s WHERE s.user_id = target AND s.application_context = context
        RETURNING s.id, s.application_context
    $$;
CREATE OR REPLACE FUNCTION revoke_session(target uuid, session varchar)
    RETURNS TABLE (id varchar, application_context varchar)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        DELETE FROM public.sessions s WHERE s.user_id = target AND s.id = session
        RETURNING s.id, s.application_context
    $$;
GRANT EXECUTE ON FUNCTION
    revoke_user_sessions(uuid), revoke_context_sessions(uuid, varchar), revoke_session(uuid, varchar)
    TO exchanger_admin;

-- They see where a person is logged in, since when and from where, and nothing that a session holds.
CREATE OR REPLACE FUNCTION list_user_sessions(target uuid)
    RETURNS TABLE (id varchar, application_context varchar, created_at timestamptz, updated_at timestamptz,
                   expires_at timestamptz, ip_address inet, user_agent varchar)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        SELECT s.id, s.application_context, s.created_at, s.updated_at, s.expires_at, s.ip_address, s.user_agent
        FROM public.sessions s WHERE s.user_id = target AND s.expires_at > now()
    $$;
GRANT EXECUTE ON FUNCTION list_user_sessions(uuid) TO exchanger_admin;

-- How many live sessions each context has: a count for the operators' dashboard, no row of anybody's.
CREATE OR REPLACE FUNCTION count_live_sessions()
    RETURNS TABLE (application_context varchar, live bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        SELECT s.application_context, count(*) FROM public.sessions s
        WHERE s.expires_at > now() GROUP BY s.application_context
    $$;
GRANT EXECUTE ON FUNCTION count_live_sessions() TO exchanger_admin;

-- The bot links a Telegram account to a person who has none yet, and unlinks it; nothing else of a profile is its own.
CREATE OR REPLACE FUNCTION link_telegram_account(target uuid, telegram bigint) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        WITH linked AS (
            UPDATE public.user_profiles SET telegram_user_id = telegram
            WHERE user_id = target AND telegram_user_id IS NULL RETURNING 1
        )
        SELECT EXISTS (SELECT FROM linked)
    $$;
CREATE OR REPLACE FUNCTION unlink_telegram_account(telegram bigint) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        WITH unlinked AS (
            UPDATE public.user_profiles SET telegram_user_id = NULL WHERE telegram_user_id = telegram RETURNING 1
        )
        SELECT EXISTS (SELECT FROM unlinked)
    $$;
GRANT EXECUTE ON FUNCTION link_telegram_account(uuid, bigint), unlink_telegram_account(bigint) TO exchanger_telegram;
