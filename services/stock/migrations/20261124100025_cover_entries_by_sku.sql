-- migrate:up transaction:false

-- What lay where, of one SKU: its entries lie scattered over the table, here they lie together with all that is summed.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ledger_entry_of_sku
    ON ledger_entry (warehouse_code, sku_code, sequence)
    INCLUDE (quantity, from_place, to_place, record_time, effective_time);

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
