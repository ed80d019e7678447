-- migrate:up transaction:false

-- Who worked when.
create index concurrently if not exists wave_claim_by_time on wave_claim (begin_time);

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
