-- migrate:up transaction:false

-- What was sold of a SKU since a day: for days of cover.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ledger_entry_sales
    ON ledger_entry (warehouse_code, sku_code, effective_time) INCLUDE (quantity) WHERE kind = 5;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
