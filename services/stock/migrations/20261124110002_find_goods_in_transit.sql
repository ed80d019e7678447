-- migrate:up transaction:false

-- What the ledger says is in transit, to be laid beside the transfers without reading all of it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ledger_entry_in_transit
    ON ledger_entry (warehouse_code, sku_code)
    WHERE from_place = 'TRANSIT' OR to_place = 'TRANSIT';

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
