-- migrate:up

-- P3 for refusals too: a Cancel that came too early and was refused must not take effect when it is sent again.
-- NULL: it was not refused. Otherwise {reason, message, metadata}, and `state` is the reservation's at that time.
ALTER TABLE reservation_resolution ADD COLUMN refusal jsonb;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
