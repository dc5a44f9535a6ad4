-- Products are found by their status before everything else, so that those that are not on sale cost customers nothing.
DROP INDEX products_by_in_stock_created;
DROP INDEX products_by_in_stock_name;
DROP INDEX products_by_in_stock_price;
CREATE INDEX products_by_status_in_stock_created ON products (status, in_stock, created_at, id);
CREATE INDEX products_by_status_in_stock_name ON products (status, in_stock, name_key, id);
CREATE INDEX products_by_status_in_stock_price ON products (status, in_stock, price, id);

DROP TRIGGER products_tags_insert;
DROP TRIGGER products_tags_update;
DROP INDEX product_tags_by_created;
DROP INDEX product_tags_by_name;
DROP INDEX product_tags_by_price;
DROP INDEX product_tags_by_stock;
ALTER TABLE product_tags ADD COLUMN status TEXT NOT NULL DEFAULT '';
UPDATE product_tags SET status = (SELECT p.status FROM products p WHERE p.id = product_tags.product_id);
CREATE INDEX product_tags_by_created ON product_tags (tag, status, created_at, product_id);
CREATE INDEX product_tags_by_name ON product_tags (tag, status, name_key, product_id);
CREATE INDEX product_tags_by_price ON product_tags (tag, status, price, product_id);
CREATE INDEX product_tags_by_stock ON product_tags (tag, status, stock, product_id);
CREATE TRIGGER products_tags_insert AFTER INSERT ON products WHEN new.tags <> '[]' BEGIN
    INSERT OR IGNORE INTO product_tags (product_id, tag, created_at, name_key, price, stock, status)
        SELECT new.id, value, new.created_at, new.name_key, new.price, new.stock, new.status FROM json_each(new.tags);
END;
CREATE TRIGGER products_tags_update AFTER UPDATE OF tags, name_key, price, status ON products BEGIN
    DELETE FROM product_tags WHERE product_id = old.id;
    INSERT OR IGNORE INTO product_tags (product_id, tag, created_at, name_key, price, stock, status)
        SELECT new.id, value, new.created_at, new.name_key, new.price, new.stock, new.status FROM json_each(new.tags);
END;

-- The words of products that are not on sale have a mark (`words.rs`), which those that are stored do not have yet.
CREATE TRIGGER products_words_status AFTER UPDATE OF status ON products WHEN old.status IS NOT new.status BEGIN
    DELETE FROM product_words WHERE row = old.row;
END;
DELETE FROM product_words WHERE row IN (SELECT row FROM products WHERE status <> 'ACTIVE');
