-- migrate:up transaction:false

-- A line that was counted by lot has a result for each.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS stocktake_result_of_lot
    ON stocktake_result (stocktake_id, bin_code, sku_code, coalesce(lot_code, ''));

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
