-- Attempts to deliver events to webhooks, as JSON.
CREATE TABLE deliveries (
    webhook  BLOB NOT NULL,
    id       BLOB NOT NULL,
    at       INTEGER NOT NULL,
    delivery TEXT NOT NULL,
    PRIMARY KEY (webhook, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_by_time ON deliveries (at);
