-- migrate:up transaction:false

-- What somebody did.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ledger_entry_by_actor ON ledger_entry (warehouse_code, actor, sequence);

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
