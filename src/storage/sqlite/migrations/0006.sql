-- Hash of the part that the refresh tokens of a session share; NULL until a session of before is refreshed.
ALTER TABLE sessions ADD COLUMN family BLOB;
-- The token before the current one, what makes its successor, and when it was replaced.
ALTER TABLE sessions ADD COLUMN replaced_token BLOB;
ALTER TABLE sessions ADD COLUMN replaced_salt BLOB;
ALTER TABLE sessions ADD COLUMN replaced_at INTEGER;
-- Hides the numbers of the log in cursors.
ALTER TABLE log ADD COLUMN cursor_key INTEGER NOT NULL DEFAULT 0;
UPDATE log SET cursor_key = random();
