-- The deployment that the file belongs to; NULL until a node with a signing key opens it.
ALTER TABLE log ADD COLUMN deployment INTEGER;
