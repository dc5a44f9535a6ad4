-- What a change replaced of the values that decide who is told of the entity, as JSON; NULL if it replaced none.
ALTER TABLE events ADD COLUMN before TEXT;
