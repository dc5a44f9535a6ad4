-- The long texts of log entries, each once, by its SHA-256.
CREATE TABLE log_texts (
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    text TEXT NOT NULL
) STRICT;
-- The description of the entity, if it is a long text; it is then left out of the entity's JSON.
ALTER TABLE events ADD COLUMN text_hash BLOB;
CREATE INDEX events_by_text ON events (text_hash) WHERE text_hash IS NOT NULL;
