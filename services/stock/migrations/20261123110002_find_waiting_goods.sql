-- migrate:up transaction:false

-- Since when goods lie in receiving or in quarantine: their newest arrivals, read backwards until they account for what
-- lies there.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ledger_entry_by_arrival
    ON ledger_entry (warehouse_code, to_place, sku_code, sequence)
    WHERE to_place IN ('RECEIVING', 'QUARANTINE');

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
