-- The words by which entities are found. The domain makes them; the indexes only split them at spaces. A row without words
-- is not found: its text is new, or changed, or the words are stored anew. Whoever stores the text, or opens the file, adds
-- them.
CREATE TABLE product_words (
    row          INTEGER PRIMARY KEY,
    title        TEXT NOT NULL,
    other        TEXT NOT NULL,
    title_length INTEGER NOT NULL
) STRICT;
CREATE TABLE task_words (
    row          INTEGER PRIMARY KEY,
    title        TEXT NOT NULL,
    other        TEXT NOT NULL,
    title_length INTEGER NOT NULL
) STRICT;
CREATE TABLE user_words (
    row          INTEGER PRIMARY KEY,
    title        TEXT NOT NULL,
    other        TEXT NOT NULL,
    title_length INTEGER NOT NULL
) STRICT;

DROP TRIGGER products_fts_insert;
DROP TRIGGER products_fts_update;
DROP TABLE products_fts;
CREATE VIRTUAL TABLE products_fts USING fts5(
    title, other, content = 'product_words', content_rowid = 'row', tokenize = 'ascii', detail = 'none', columnsize = 0
);
CREATE TRIGGER product_words_insert AFTER INSERT ON product_words BEGIN
    INSERT INTO products_fts (rowid, title, other) VALUES (new.row, new.title, new.other);
END;
CREATE TRIGGER product_words_delete AFTER DELETE ON product_words BEGIN
    INSERT INTO products_fts (products_fts, rowid, title, other) VALUES ('delete', old.row, old.title, old.other);
END;
CREATE TRIGGER products_words_update AFTER UPDATE OF name, sku, description ON products
WHEN old.name IS NOT new.name OR old.sku IS NOT new.sku OR old.description IS NOT new.description BEGIN
    DELETE FROM product_words WHERE row = old.row;
END;

DROP TRIGGER tasks_fts_insert;
DROP TRIGGER tasks_fts_update;
DROP TRIGGER tasks_fts_delete;
DROP TABLE tasks_fts;
CREATE VIRTUAL TABLE tasks_fts USING fts5(
    title, other, content = 'task_words', content_rowid = 'row', tokenize = 'ascii', detail = 'none', columnsize = 0
);
CREATE TRIGGER task_words_insert AFTER INSERT ON task_words BEGIN
    INSERT INTO tasks_fts (rowid, title, other) VALUES (new.row, new.title, new.other);
END;
CREATE TRIGGER task_words_delete AFTER DELETE ON task_words BEGIN
    INSERT INTO tasks_fts (tasks_fts, rowid, title, other) VALUES ('delete', old.row, old.title, old.other);
END;
CREATE TRIGGER tasks_words_update AFTER UPDATE OF title, description ON tasks
WHEN old.title IS NOT new.title OR old.description IS NOT new.description BEGIN
    DELETE FROM task_words WHERE row = old.row;
END;
CREATE TRIGGER tasks_words_delete AFTER DELETE ON tasks BEGIN
    DELETE FROM task_words WHERE row = old.row;
END;

DROP TRIGGER users_fts_insert;
DROP TRIGGER users_fts_update;
DROP TABLE users_fts;
CREATE VIRTUAL TABLE users_fts USING fts5(
    title, other, content = 'user_words', content_rowid = 'row', tokenize = 'ascii', detail = 'none', columnsize = 0
);
-- What is left of a deleted user's name and address in the index goes at once.
INSERT INTO users_fts (users_fts, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER user_words_insert AFTER INSERT ON user_words BEGIN
    INSERT INTO users_fts (rowid, title, other) VALUES (new.row, new.title, new.other);
END;
CREATE TRIGGER user_words_delete AFTER DELETE ON user_words BEGIN
    INSERT INTO users_fts (users_fts, rowid, title, other) VALUES ('delete', old.row, old.title, old.other);
END;
CREATE TRIGGER users_words_update AFTER UPDATE OF name, email ON users
WHEN old.name IS NOT new.name OR old.email IS NOT new.email BEGIN
    DELETE FROM user_words WHERE row = old.row;
END;

-- The keys of names are bounded, so that cursors are.
UPDATE products SET name_key = substr(name_key, 1, 400) WHERE length(name_key) > 400;
UPDATE users SET name_key = substr(name_key, 1, 400) WHERE length(name_key) > 400;
