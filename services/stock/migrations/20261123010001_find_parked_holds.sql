-- migrate:up

-- Whoever waits for a hold that was parked is told so.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX journal_dead_letter_by_hold ON journal_dead_letter (reservation_id);

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
