-- migrate:up transaction:false

-- What came into a place.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ledger_entry_by_to_place ON ledger_entry (warehouse_code, to_place, sequence);

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
