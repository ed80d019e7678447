-- migrate:up

-- Of which lot the units are that somebody counted: NULL says nothing of lots, the figure is of all units of the SKU in the
-- bin; empty says that these have no lot. A lot that nobody has received yet has its last day with the count.
ALTER TABLE stocktake_count ADD COLUMN lot_code text, ADD COLUMN expires_on date;
ALTER TABLE stocktake_result ADD COLUMN lot_code text;

-- Lots of a line that nobody has counted in a round: those that the book has there, or units without one (empty), and those
-- that were counted in a round before.
CREATE OR REPLACE FUNCTION uncounted_lots(of_stocktake uuid, of_round smallint, of_bin text, of_sku text) RETURNS text[]
LANGUAGE sql STABLE AS $$
    WITH lots AS (
        SELECT lot_code, quantity
          FROM lot_stock
          JOIN stocktake USING (warehouse_code)
         WHERE stocktake_id = of_stocktake AND place_code = of_bin AND sku_code = of_sku AND quantity > 0
    ), expected AS (
        SELECT lot_code FROM lots
         UNION
        SELECT ''
          FROM place_stock
          JOIN stocktake USING (warehouse_code)
         WHERE stocktake_id = of_stocktake AND place_code = of_bin AND sku_code = of_sku
           AND quantity > (SELECT coalesce(sum(lots.quantity), 0) FROM lots)
         UNION
        SELECT lot_code
          FROM stocktake_count
         WHERE stocktake_id = of_stocktake AND round < of_round AND bin_code = of_bin AND sku_code = of_sku
           AND lot_code IS NOT NULL
    )
    SELECT coalesce(array_agg(lot_code ORDER BY lot_code), '{}')
      FROM expected
     WHERE NOT EXISTS (
           SELECT FROM stocktake_count AS counted
            WHERE counted.stocktake_id = of_stocktake AND counted.round = of_round
              AND counted.bin_code = of_bin AND counted.sku_code = of_sku AND counted.lot_code = expected.lot_code)
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
