-- A login for Newar that can read the three views and nothing else. Put a password of your own in, then write
--   SOURCE_DATABASE_URL=postgresql://newar_reader:PASSWORD@HOST:5432/postgres
-- (behind Supabase's pooler: port 6543 and the user newar_reader.YOUR_PROJECT). The view newar_pages may be missing.
CREATE ROLE newar_reader LOGIN PASSWORD 'put your own here';
ALTER ROLE newar_reader SET default_transaction_read_only = on;
GRANT USAGE ON SCHEMA public TO newar_reader;
GRANT SELECT ON newar_runs, newar_recipients TO newar_reader;
DO $$
BEGIN
    IF to_regclass('newar_pages') IS NOT NULL THEN
        GRANT SELECT ON newar_pages TO newar_reader;
    END IF;
END $$;
