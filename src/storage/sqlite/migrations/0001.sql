-- Ids are the 16 bytes of a ULID, money is whole units of 1/10,000, times are milliseconds since the Unix epoch.
-- Orders, products, users and tasks name each other without foreign keys: an import may load them in any order.

CREATE TABLE log (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id       INTEGER NOT NULL CHECK (id BETWEEN 0 AND 4294967295),
    head     INTEGER NOT NULL CHECK (head >= 0)
) STRICT;
INSERT INTO log (only_row, id, head) VALUES (1, random() & 4294967295, 0);

CREATE TABLE events (
    seq             INTEGER PRIMARY KEY,
    id              BLOB NOT NULL,
    kind            TEXT NOT NULL,
    entity_kind     TEXT NOT NULL,
    entity_id       BLOB NOT NULL,
    entity_version  INTEGER NOT NULL CHECK (entity_version > 0),
    actor           BLOB,
    occurred_at     INTEGER NOT NULL,
    previous_status TEXT,
    entity          TEXT NOT NULL
) STRICT;
-- Both end in seq, the rowid.
CREATE INDEX events_by_kind ON events (entity_kind);
CREATE INDEX events_by_entity ON events (entity_id);

CREATE TABLE idempotency (
    user_id     BLOB NOT NULL,
    scope       TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    entity_id   BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (user_id, scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE TABLE users (
    row           INTEGER PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    email         TEXT UNIQUE,
    name          TEXT NOT NULL,
    name_key      TEXT NOT NULL,
    role          TEXT NOT NULL,
    region        TEXT,
    deleted_at    INTEGER,
    version       INTEGER NOT NULL CHECK (version > 0),
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    password_hash TEXT
) STRICT;
-- Those by time end in deleted_at, so that users are counted without looking them up.
CREATE INDEX users_by_created ON users (created_at, id, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX users_by_name ON users (name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_role_created ON users (role, created_at, id, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX users_by_role_name ON users (role, name_key, id) WHERE deleted_at IS NULL;

CREATE VIRTUAL TABLE users_fts USING fts5(
    name, email, content = 'users', content_rowid = 'row', tokenize = 'unicode61 remove_diacritics 2'
);
-- What is left of a deleted user's name and address in the index goes at once.
INSERT INTO users_fts (users_fts, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER users_fts_insert AFTER INSERT ON users BEGIN
    INSERT INTO users_fts (rowid, name, email) VALUES (new.row, new.name, new.email);
END;
CREATE TRIGGER users_fts_update AFTER UPDATE OF name, email ON users
WHEN old.name IS NOT new.name OR old.email IS NOT new.email BEGIN
    INSERT INTO users_fts (users_fts, rowid, name, email) VALUES ('delete', old.row, old.name, old.email);
    INSERT INTO users_fts (rowid, name, email) VALUES (new.row, new.name, new.email);
END;

CREATE TABLE sessions (
    id         BLOB PRIMARY KEY NOT NULL,
    user_id    BLOB NOT NULL,
    token      BLOB NOT NULL CHECK (length(token) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE products (
    row         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    sku         TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    name_key    TEXT NOT NULL,
    price       INTEGER NOT NULL CHECK (price >= 0),
    currency    TEXT NOT NULL,
    stock       INTEGER NOT NULL CHECK (stock BETWEEN 0 AND 2147483647),
    in_stock    INTEGER NOT NULL,
    status      TEXT NOT NULL,
    tags        TEXT NOT NULL CHECK (json_valid(tags)),
    version     INTEGER NOT NULL CHECK (version > 0),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    description TEXT
) STRICT;
CREATE INDEX products_by_created ON products (created_at, id);
CREATE INDEX products_by_name ON products (name_key, id);
CREATE INDEX products_by_price ON products (price, id);
CREATE INDEX products_by_stock ON products (stock, id);
CREATE INDEX products_by_status_created ON products (status, created_at, id);
CREATE INDEX products_by_status_name ON products (status, name_key, id);
CREATE INDEX products_by_status_price ON products (status, price, id);
CREATE INDEX products_by_status_stock ON products (status, stock, id);
CREATE INDEX products_by_in_stock_created ON products (in_stock, created_at, id);
CREATE INDEX products_by_in_stock_name ON products (in_stock, name_key, id);
CREATE INDEX products_by_in_stock_price ON products (in_stock, price, id);
-- A column of its own instead of a generated one: most changes of the stock leave it, and its indexes, as they are.
CREATE TRIGGER products_in_stock AFTER UPDATE OF stock ON products
WHEN (old.stock > 0) IS NOT (new.stock > 0) BEGIN
    UPDATE products SET in_stock = new.stock > 0 WHERE row = new.row;
END;

-- Each label with copies of what products are sorted by, so that the products with a label are read in order.
CREATE TABLE product_tags (
    product_id BLOB NOT NULL REFERENCES products (id),
    tag        TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    name_key   TEXT NOT NULL,
    price      INTEGER NOT NULL,
    stock      INTEGER NOT NULL,
    PRIMARY KEY (product_id, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX product_tags_by_created ON product_tags (tag, created_at, product_id);
CREATE INDEX product_tags_by_name ON product_tags (tag, name_key, product_id);
CREATE INDEX product_tags_by_price ON product_tags (tag, price, product_id);
CREATE INDEX product_tags_by_stock ON product_tags (tag, stock, product_id);
CREATE TRIGGER products_tags_insert AFTER INSERT ON products WHEN new.tags <> '[]' BEGIN
    INSERT OR IGNORE INTO product_tags (product_id, tag, created_at, name_key, price, stock)
        SELECT new.id, value, new.created_at, new.name_key, new.price, new.stock FROM json_each(new.tags);
END;
CREATE TRIGGER products_tags_update AFTER UPDATE OF tags, name_key, price ON products BEGIN
    DELETE FROM product_tags WHERE product_id = old.id;
    INSERT OR IGNORE INTO product_tags (product_id, tag, created_at, name_key, price, stock)
        SELECT new.id, value, new.created_at, new.name_key, new.price, new.stock FROM json_each(new.tags);
END;
CREATE TRIGGER products_tags_stock AFTER UPDATE OF stock ON products WHEN new.tags <> '[]' BEGIN
    UPDATE product_tags SET stock = new.stock WHERE product_id = new.id;
END;

CREATE VIRTUAL TABLE products_fts USING fts5(
    name, sku, description,
    content = 'products', content_rowid = 'row', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER products_fts_insert AFTER INSERT ON products BEGIN
    INSERT INTO products_fts (rowid, name, sku, description) VALUES (new.row, new.name, new.sku, new.description);
END;
CREATE TRIGGER products_fts_update AFTER UPDATE OF name, sku, description ON products
WHEN old.name IS NOT new.name OR old.sku IS NOT new.sku OR old.description IS NOT new.description BEGIN
    INSERT INTO products_fts (products_fts, rowid, name, sku, description)
        VALUES ('delete', old.row, old.name, old.sku, old.description);
    INSERT INTO products_fts (rowid, name, sku, description) VALUES (new.row, new.name, new.sku, new.description);
END;

CREATE TABLE orders (
    row               INTEGER PRIMARY KEY,
    id                BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    number            TEXT NOT NULL UNIQUE,
    region            TEXT NOT NULL,
    customer          BLOB NOT NULL,
    total             INTEGER NOT NULL,
    currency          TEXT NOT NULL,
    status            TEXT NOT NULL,
    payment_reference TEXT,
    version           INTEGER NOT NULL CHECK (version > 0),
    placed_at         INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
-- Those by total end in placed_at, so that a time range is checked without looking up the order.
CREATE INDEX orders_by_placed ON orders (placed_at, id);
CREATE INDEX orders_by_total ON orders (total, id, placed_at);
CREATE INDEX orders_by_customer_placed ON orders (customer, placed_at, id);
CREATE INDEX orders_by_customer_total ON orders (customer, total, id, placed_at);
CREATE INDEX orders_by_status_placed ON orders (status, placed_at, id);
CREATE INDEX orders_by_status_total ON orders (status, total, id, placed_at);
CREATE INDEX orders_by_region_placed ON orders (region, placed_at, id);
CREATE INDEX orders_by_region_total ON orders (region, total, id, placed_at);
CREATE INDEX orders_by_status_region_placed ON orders (status, region, placed_at, id);
CREATE INDEX orders_by_status_region_total ON orders (status, region, total, id, placed_at);

-- Items are many: they name their order by its row, which is a fifth of the size of its id.
CREATE TABLE order_items (
    order_row  INTEGER NOT NULL REFERENCES orders (row),
    line       INTEGER NOT NULL,
    product_id BLOB NOT NULL,
    sku        TEXT NOT NULL,
    name       TEXT NOT NULL,
    quantity   INTEGER NOT NULL CHECK (quantity > 0),
    unit_price INTEGER NOT NULL,
    line_total INTEGER NOT NULL,
    PRIMARY KEY (order_row, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_items_by_product ON order_items (product_id, order_row);

CREATE TABLE order_history (
    order_row   INTEGER NOT NULL REFERENCES orders (row),
    step        INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    from_status TEXT,
    to_status   TEXT NOT NULL,
    actor       BLOB,
    reason      TEXT,
    at          INTEGER NOT NULL,
    PRIMARY KEY (order_row, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (
    row         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    title       TEXT NOT NULL,
    status      TEXT NOT NULL,
    priority    INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 3),
    created_by  BLOB NOT NULL,
    assignee    BLOB,
    order_id    BLOB,
    due_at      INTEGER,
    due_key     INTEGER NOT NULL,
    version     INTEGER NOT NULL CHECK (version > 0),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    description TEXT
) STRICT;
CREATE INDEX tasks_by_created ON tasks (created_at, id);
CREATE INDEX tasks_by_due ON tasks (due_key, id);
CREATE INDEX tasks_by_priority ON tasks (priority, id);
CREATE INDEX tasks_by_priority_created ON tasks (priority, created_at, id);
CREATE INDEX tasks_by_priority_due ON tasks (priority, due_key, id);
CREATE INDEX tasks_by_status_created ON tasks (status, created_at, id);
CREATE INDEX tasks_by_status_due ON tasks (status, due_key, id);
CREATE INDEX tasks_by_status_priority ON tasks (status, priority, id);
CREATE INDEX tasks_by_creator_created ON tasks (created_by, created_at, id);
CREATE INDEX tasks_by_creator_due ON tasks (created_by, due_key, id);
CREATE INDEX tasks_by_creator_priority ON tasks (created_by, priority, id);
CREATE INDEX tasks_by_assignee_created ON tasks (assignee, created_at, id) WHERE assignee IS NOT NULL;
CREATE INDEX tasks_by_assignee_due ON tasks (assignee, due_key, id) WHERE assignee IS NOT NULL;
CREATE INDEX tasks_by_assignee_priority ON tasks (assignee, priority, id) WHERE assignee IS NOT NULL;
CREATE INDEX tasks_by_order_created ON tasks (order_id, created_at, id) WHERE order_id IS NOT NULL;
CREATE INDEX tasks_by_order_due ON tasks (order_id, due_key, id) WHERE order_id IS NOT NULL;
CREATE INDEX tasks_by_order_priority ON tasks (order_id, priority, id) WHERE order_id IS NOT NULL;

CREATE VIRTUAL TABLE tasks_fts USING fts5(
    title, description, content = 'tasks', content_rowid = 'row', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER tasks_fts_insert AFTER INSERT ON tasks BEGIN
    INSERT INTO tasks_fts (rowid, title, description) VALUES (new.row, new.title, new.description);
END;
CREATE TRIGGER tasks_fts_update AFTER UPDATE OF title, description ON tasks
WHEN old.title IS NOT new.title OR old.description IS NOT new.description BEGIN
    INSERT INTO tasks_fts (tasks_fts, rowid, title, description)
        VALUES ('delete', old.row, old.title, old.description);
    INSERT INTO tasks_fts (rowid, title, description) VALUES (new.row, new.title, new.description);
END;
CREATE TRIGGER tasks_fts_delete AFTER DELETE ON tasks BEGIN
    INSERT INTO tasks_fts (tasks_fts, rowid, title, description)
        VALUES ('delete', old.row, old.title, old.description);
END;
