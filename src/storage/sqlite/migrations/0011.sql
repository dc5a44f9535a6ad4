-- What integrations keep with an entity: as JSON in its row, and one row for each item to find entities by. The ids of different
-- kinds of entities differ, so an item needs no kind to find its entity.
ALTER TABLE users ADD COLUMN metadata TEXT;
ALTER TABLE products ADD COLUMN metadata TEXT;
ALTER TABLE orders ADD COLUMN metadata TEXT;
ALTER TABLE tasks ADD COLUMN metadata TEXT;

CREATE TABLE metadata (
    kind    TEXT NOT NULL,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    private INTEGER NOT NULL CHECK (private IN (0, 1)),
    id      BLOB NOT NULL,
    PRIMARY KEY (kind, key, value, private, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX metadata_by_id ON metadata (id, key);
