-- name: ensure
-- A place has a row per SKU from the first unit on.
INSERT INTO place_stock (warehouse_code, place_code, sku_code, quantity)
SELECT %(warehouse_code)s, place_code, sku_code, 0
  FROM unnest(%(place_codes)s::text[], %(sku_codes)s::text[]) AS new (place_code, sku_code)
ON CONFLICT DO NOTHING;

-- name: lock
SELECT place_code, sku_code, quantity, has_lots, coalesce(lot_tracking, 0)
  FROM lock_places(
           array_fill(%(warehouse_code)s::text, ARRAY[cardinality(%(place_codes)s::text[])]),
           %(place_codes)s::text[], %(sku_codes)s::text[]
       )
  LEFT JOIN sku USING (sku_code);

-- name: change
-- By differences, never to a figure. place_stock_not_negative bounds it.
UPDATE place_stock
   SET quantity = place_stock.quantity + change.difference
  FROM unnest(%(place_codes)s::text[], %(sku_codes)s::text[], %(differences)s::bigint[])
       AS change (place_code, sku_code, difference)
 WHERE place_stock.warehouse_code = %(warehouse_code)s
   AND place_stock.place_code = change.place_code
   AND place_stock.sku_code = change.sku_code;

-- name: list
-- Empty filters restrict nothing.
SELECT place_code, sku_code, quantity, has_lots
  FROM place_stock
 WHERE warehouse_code = %(warehouse_code)s
   AND quantity > 0
   AND (cardinality(%(sku_codes)s::text[]) = 0 OR sku_code = ANY (%(sku_codes)s::text[]))
   AND (cardinality(%(place_codes)s::text[]) = 0 OR place_code = ANY (%(place_codes)s::text[]))
   AND (place_code, sku_code) > (%(after_place)s, %(after_sku)s)
 ORDER BY place_code, sku_code
 LIMIT %(limit)s;

-- name: of_sku
SELECT warehouse_code, place_code, quantity
  FROM warehouse
  JOIN place_stock USING (warehouse_code)
 WHERE sku_code = %(sku_code)s AND quantity > 0
 ORDER BY warehouse_code, place_code
 LIMIT %(limit)s;
