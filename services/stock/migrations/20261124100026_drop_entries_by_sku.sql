-- migrate:up transaction:false

-- The index before this one begins with the same columns.
DROP INDEX CONCURRENTLY IF EXISTS ledger_entry_by_sku;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
