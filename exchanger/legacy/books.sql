-- What the import knows of itself, in each of the four databases beside the rows that it tells of, so that both commit
-- together. No application's login reaches it; the backup's reads it as all else.

CREATE SCHEMA IF NOT EXISTS legacy;

-- One run, and those that went on with it. `xid`s of chunks tell which rows nobody has changed since.
CREATE TABLE IF NOT EXISTS legacy.batches (
    number integer PRIMARY KEY,
    source text NOT NULL,
    mapping text NOT NULL,
    fingerprint text NOT NULL,
    zone text NOT NULL,
    since timestamptz,
    steps text[] NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    sealed_at timestamptz,
    rolled_back_at timestamptz
);

-- Some rows of one step that were taken together. Of a step's last one `finished` is true.
CREATE TABLE IF NOT EXISTS legacy.chunks (
    batch integer NOT NULL REFERENCES legacy.batches,
    step text NOT NULL,
    number integer NOT NULL,
    table_name text NOT NULL,
    last_key text[],
    finished boolean NOT NULL,
    read bigint NOT NULL,
    taken bigint NOT NULL,
    changed bigint NOT NULL,
    same bigint NOT NULL,
    rejected bigint NOT NULL,
    ids uuid[] NOT NULL,
    xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (batch, step, number)
);
CREATE INDEX IF NOT EXISTS chunks_table ON legacy.chunks (table_name);

-- Rows that were not taken, with the reason and what they were; of those with `taken` something was lost on the way.
CREATE TABLE IF NOT EXISTS legacy.rejects (
    batch integer NOT NULL REFERENCES legacy.batches,
    step text NOT NULL,
    table_name text NOT NULL,
    old_key text,
    id uuid,
    reason text NOT NULL,
    detail text NOT NULL DEFAULT '',
    taken boolean NOT NULL DEFAULT false,
    row jsonb
);
CREATE INDEX IF NOT EXISTS rejects_batch ON legacy.rejects (batch, step);
CREATE INDEX IF NOT EXISTS rejects_id ON legacy.rejects (table_name, id);

-- Rows as they were before a catch-up changed or removed them.
CREATE TABLE IF NOT EXISTS legacy.images (
    batch integer NOT NULL REFERENCES legacy.batches,
    table_name text NOT NULL,
    id uuid NOT NULL,
    removed boolean NOT NULL,
    row jsonb NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS images_batch ON legacy.images (batch, table_name);

GRANT USAGE ON SCHEMA legacy TO exchanger_backup;
GRANT SELECT ON ALL TABLES IN SCHEMA legacy TO exchanger_backup;
