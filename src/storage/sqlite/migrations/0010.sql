-- What follows the event log, and how far it is. A lease lasts until lease_until; each one, and each change, raises fence.
CREATE TABLE consumers (
    name        TEXT PRIMARY KEY,
    definition  TEXT NOT NULL,
    paused      INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    progress    TEXT NOT NULL,
    stopped     INTEGER NOT NULL,
    fence       INTEGER NOT NULL DEFAULT 0,
    holder      INTEGER,
    lease_until INTEGER NOT NULL DEFAULT 0,
    retry_at    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Attempts to deliver events to webhooks, as JSON.
CREATE TABLE deliveries (
    webhook  BLOB NOT NULL,
    id       BLOB NOT NULL,
    at       INTEGER NOT NULL,
    delivery TEXT NOT NULL,
    PRIMARY KEY (webhook, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_by_time ON deliveries (at);
