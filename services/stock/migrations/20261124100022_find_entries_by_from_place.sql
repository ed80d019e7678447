-- migrate:up transaction:false

-- What left a place.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ledger_entry_by_from_place ON ledger_entry (warehouse_code, from_place, sequence);

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
