-- older programs may run
-- Who may come in over HTTP: people with their sessions, programs with their keys. Secrets are here only as hashes.
CREATE TABLE users (
    name       text        COLLATE "C" PRIMARY KEY CHECK (name <> ''),
    role       text        NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    pages      text[],
    password   text,
    subject    text        UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text        NOT NULL,
    disabled   boolean     NOT NULL DEFAULT false,
    CHECK (password IS NOT NULL OR subject IS NOT NULL)
);

COMMENT ON COLUMN users.pages IS 'the only pages that they see and steer; NULL: all of them';
COMMENT ON COLUMN users.password IS 'hashed by Argon2; NULL: signs in through the OpenID provider alone';
COMMENT ON COLUMN users.subject IS 'issuer and subject, as the OpenID provider says; NULL: has a password';

CREATE TABLE sessions (
    id_hash      bytea       PRIMARY KEY,
    user_name    text        COLLATE "C" NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    address      text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_name, created_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);

COMMENT ON COLUMN sessions.id_hash IS 'SHA-256 of what the cookie holds';

CREATE TABLE api_keys (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text        COLLATE "C" NOT NULL CHECK (name <> ''),
    role         text        NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    pages        text[],
    secret_hash  bytea       NOT NULL UNIQUE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    created_by   text        NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE UNIQUE INDEX api_keys_name ON api_keys (name) WHERE revoked_at IS NULL;

COMMENT ON COLUMN api_keys.secret_hash IS 'SHA-256 of the key, which is random';
