-- migrate:up

-- By itself: this reads the whole table, under a lock that lets everybody write.
ALTER TABLE level VALIDATE CONSTRAINT level_never_oversold;
ALTER TABLE level VALIDATE CONSTRAINT level_expired_not_negative;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
