-- exchanger_identity: who may do what. Applied whole, in one transaction, by the owner; what is not granted is refused.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM exchanger_web, exchanger_admin, exchanger_telegram;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM exchanger_web, exchanger_admin, exchanger_telegram;

GRANT SELECT ON django_migrations TO exchanger_web, exchanger_admin, exchanger_telegram;

-- People. The telegram application never sees a password hash, and changes nobody; operators alone block somebody.
GRANT SELECT, INSERT ON users TO exchanger_web;
GRANT UPDATE (password_hash, email_verified, password_changed_at, updated_at) ON users TO exchanger_web;
GRANT SELECT, INSERT, UPDATE ON users TO exchanger_admin;
GRANT SELECT (id, email, email_verified, password_changed_at, blocked_at, created_at, updated_at)
    ON users TO exchanger_telegram;
GRANT SELECT, INSERT ON user_profiles TO exchanger_web;
GRANT UPDATE (display_name, phone, language, time_zone) ON user_profiles TO exchanger_web;
GRANT SELECT, INSERT, UPDATE ON user_profiles TO exchanger_admin;
GRANT SELECT ON user_profiles TO exchanger_telegram;

-- Web hands out the codes that link a Telegram account; telegram redeems them by the functions below, and lists none.
GRANT SELECT (user_id, expires_at, created_at), INSERT, UPDATE, DELETE ON telegram_link_codes TO exchanger_web;

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

-- Sessions of the older platform that have become ours: each login notes those of its own context, and takes none back,
-- so that a session which was ended here is not fetched from the old place a second time.
GRANT SELECT, INSERT ON old_sessions TO exchanger_web, exchanger_admin, exchanger_telegram;
ALTER TABLE old_sessions ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS web_rows ON old_sessions;
DROP POLICY IF EXISTS admin_rows ON old_sessions;
DROP POLICY IF EXISTS telegram_rows ON old_sessions;
CREATE POLICY web_rows ON old_sessions TO exchanger_web
    USING (application_context = 'web') WITH CHECK (application_context = 'web');
CREATE POLICY admin_rows ON old_sessions TO exchanger_admin
    USING (application_context = 'admin') WITH CHECK (application_context = 'admin');
CREATE POLICY telegram_rows ON old_sessions TO exchanger_telegram
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

-- How many sessions of the older platform have become ours, and how: when none comes by a visit any more, the window
-- may be closed.
CREATE OR REPLACE FUNCTION count_old_sessions()
    RETURNS TABLE (application_context varchar, way varchar, moved bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        SELECT o.application_context, o.way, count(*) FROM public.old_sessions o GROUP BY o.application_context, o.way
    $$;
GRANT EXECUTE ON FUNCTION count_old_sessions() TO exchanger_admin;

-- A Telegram account is linked by a code that its owner asked for in web, within the code's life: no login links whom it
-- likes. A code ends with a change of the password that came after it.
DROP FUNCTION IF EXISTS link_telegram_account(uuid, bigint);
CREATE OR REPLACE FUNCTION find_link_code(hash varchar) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        SELECT c.user_id FROM public.telegram_link_codes c JOIN public.users u ON u.id = c.user_id
        WHERE c.code_hash = hash AND c.expires_at > clock_timestamp() AND c.created_at > u.password_changed_at
    $$;
-- Whoever locks the code's row first redeems it; whoever waited finds it gone. One Telegram account is one person's by
-- the column's UNIQUE, whatever else is under way; where that refuses, nothing has changed and the code stays.
CREATE OR REPLACE FUNCTION redeem_link_code(hash varchar, telegram bigint) RETURNS TABLE (outcome varchar, person uuid)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        DECLARE
            owner uuid;
            held bigint;
        BEGIN
            SELECT c.user_id INTO owner FROM public.telegram_link_codes c JOIN public.users u ON u.id = c.user_id
            WHERE c.code_hash = hash AND c.expires_at > clock_timestamp() AND c.created_at > u.password_changed_at
            FOR UPDATE OF c;
            IF owner IS NULL THEN
                RETURN QUERY SELECT 'unknown_code'::varchar, NULL::uuid;
                RETURN;
            END IF;
            INSERT INTO public.user_profiles (user_id) VALUES (owner) ON CONFLICT DO NOTHING;
            SELECT p.telegram_user_id INTO held FROM public.user_profiles p WHERE p.user_id = owner FOR UPDATE;
            IF held IS NOT NULL THEN
                RETURN QUERY SELECT 'account_linked'::varchar, owner;
                RETURN;
            END IF;
            BEGIN
                UPDATE public.user_profiles SET telegram_user_id = telegram WHERE user_id = owner;
            EXCEPTION WHEN unique_violation THEN
                RETURN QUERY SELECT 'telegram_linked'::varchar, owner;
                RETURN;
            END;
            DELETE FROM public.telegram_link_codes WHERE user_id = owner;
            RETURN QUERY SELECT 'linked'::varchar, owner;
        END
    $$;
-- Either side unlinks: the bot by the Telegram account that is talking to it, web by the person who is logged in.
DROP FUNCTION IF EXISTS unlink_telegram_account(bigint);
CREATE FUNCTION unlink_telegram_account(telegram bigint) RETURNS uuid
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        UPDATE public.user_profiles SET telegram_user_id = NULL WHERE telegram_user_id = telegram RETURNING user_id
    $$;
CREATE OR REPLACE FUNCTION unlink_telegram_of(target uuid) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        DELETE FROM public.telegram_link_codes WHERE user_id = target;
        WITH unlinked AS (
            UPDATE public.user_profiles SET telegram_user_id = NULL
            WHERE user_id = target AND telegram_user_id IS NOT NULL RETURNING 1
        )
        SELECT EXISTS (SELECT FROM unlinked)
    $$;
GRANT EXECUTE ON FUNCTION
    find_link_code(varchar), redeem_link_code(varchar, bigint), unlink_telegram_account(bigint) TO exchanger_telegram;
GRANT EXECUTE ON FUNCTION unlink_telegram_of(uuid) TO exchanger_web;

-- Whoever changes the link, the person's telegram sessions end in the same transaction. Their keys are noted for the
-- telegram processes, since web's user in Redis cannot delete them; until those have, the cached copies open nothing,
-- for a telegram session is tied to the link (User.get_session_auth_hash).
CREATE OR REPLACE FUNCTION telegram_link_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
        BEGIN
            NEW.telegram_linked_at := CASE WHEN NEW.telegram_user_id IS NULL THEN NULL ELSE clock_timestamp() END;
            WITH ended AS (
                DELETE FROM public.sessions s
                WHERE s.user_id = NEW.user_id AND s.application_context = 'telegram' RETURNING s.id
            )
            INSERT INTO public.cache_invalidations (key) SELECT 'identity:session:telegram:' || ended.id FROM ended;
            RETURN NEW;
        END
    $$;
CREATE OR REPLACE TRIGGER telegram_link_changed BEFORE UPDATE ON user_profiles
    FOR EACH ROW WHEN (OLD.telegram_user_id IS DISTINCT FROM NEW.telegram_user_id)
    EXECUTE FUNCTION telegram_link_changed();
