-- A step of an order names its log entry by id, which is known before the entry has a number.
ALTER TABLE order_history ADD COLUMN event BLOB;
UPDATE order_history SET event = (SELECT id FROM events WHERE events.seq = order_history.seq);
ALTER TABLE order_history DROP COLUMN seq;
CREATE UNIQUE INDEX events_by_id ON events (id);
