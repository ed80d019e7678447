-- migrate:up transaction:false

-- What was written in a span of time. Within a warehouse times ascend with the sequence.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ledger_entry_by_time ON ledger_entry (warehouse_code, record_time);

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
