-- What machines send in place of an access token. A key is found by the SHA-256 of its secret. Its id stands for it where a
-- user's session does.
CREATE TABLE api_keys (
    id           BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    secret       BLOB NOT NULL UNIQUE CHECK (length(secret) = 32),
    name         TEXT NOT NULL,
    prefix       TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    created_by   BLOB NOT NULL,
    last_used_at INTEGER,
    expires_at   INTEGER,
    created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
