-- migrate:up transaction:false

-- What the ledger says of lots, without reading what has none.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ledger_entry_of_lot
    ON ledger_entry (warehouse_code, sku_code, lot_code, sequence)
    INCLUDE (quantity, from_place, to_place, record_time, effective_time)
    WHERE lot_code <> '';

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
