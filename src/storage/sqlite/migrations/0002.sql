-- What a change replaced of the values that decide who is told of the entity, as JSON; NULL if it replaced none.
ALTER TABLE events ADD COLUMN before TEXT;

-- A step of an order names its log entry by id.
ALTER TABLE order_history ADD COLUMN event BLOB;
UPDATE order_history SET event = (SELECT id FROM events WHERE events.seq = order_history.seq);
ALTER TABLE order_history DROP COLUMN seq;
CREATE UNIQUE INDEX events_by_id ON events (id);

-- The users who may see an entry without being staff.
CREATE TABLE event_audience (
    user_id TEXT NOT NULL,
    entry   INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
    PRIMARY KEY (user_id, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_audience_by_entry ON event_audience (entry);
INSERT OR IGNORE INTO event_audience
SELECT entity ->> '$.customer', seq FROM events WHERE entity_kind = 'ORDER'
UNION ALL
SELECT entity ->> '$.created_by', seq FROM events WHERE entity_kind = 'TASK'
UNION ALL
SELECT entity ->> '$.assignee', seq FROM events WHERE entity_kind = 'TASK' AND entity ->> '$.assignee' IS NOT NULL;
