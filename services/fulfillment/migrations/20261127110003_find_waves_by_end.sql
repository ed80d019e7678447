-- migrate:up transaction:false

-- What was done when.
create index concurrently if not exists wave_done_by_time on wave (warehouse_code, end_time) where state = 'done';

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
