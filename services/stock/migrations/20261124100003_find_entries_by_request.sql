-- migrate:up transaction:false

-- What a request wrote.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ledger_entry_by_request ON ledger_entry (warehouse_code, request_id);

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
