-- name: known
SELECT sku_code, lot_code, expires_on
  FROM lot
 WHERE (sku_code, lot_code) IN (SELECT * FROM unnest(%(sku_codes)s::text[], %(lot_codes)s::text[]));

-- name: add
-- Whoever was first has said the last day; the caller reads it again.
INSERT INTO lot (sku_code, lot_code, expires_on)
SELECT sku_code, lot_code, expires_on
  FROM unnest(%(sku_codes)s::text[], %(lot_codes)s::text[], %(days)s::date[]) AS new (sku_code, lot_code, expires_on)
 ORDER BY sku_code, lot_code
ON CONFLICT DO NOTHING;

-- name: enter
-- Lots that come into a warehouse for the first time are judged by its own clock. Whoever corrects a lot's last day
-- meanwhile is waited for (FOR SHARE), so that no warehouse keeps the old one.
INSERT INTO warehouse_lot (warehouse_code, sku_code, lot_code, last_sale_day, expired)
SELECT warehouse_code, lot.sku_code, lot.lot_code, expires_on - shelf_life_days_min,
       coalesce(expires_on - shelf_life_days_min < (clock_timestamp() AT TIME ZONE time_zone)::date, false)
  FROM unnest(%(sku_codes)s::text[], %(lot_codes)s::text[]) AS entering (sku_code, lot_code)
  JOIN lot USING (sku_code, lot_code)
  JOIN sku USING (sku_code)
  JOIN warehouse ON warehouse_code = %(warehouse_code)s
 WHERE NOT EXISTS (SELECT 1 FROM warehouse_lot AS inside
                    WHERE inside.warehouse_code = %(warehouse_code)s
                      AND inside.sku_code = lot.sku_code
                      AND inside.lot_code = lot.lot_code)
 ORDER BY lot.sku_code, lot.lot_code
   FOR SHARE OF lot
ON CONFLICT DO NOTHING;

-- name: expired
-- Those that level.expired counts.
SELECT sku_code, lot_code
  FROM warehouse_lot
 WHERE warehouse_code = %(warehouse_code)s
   AND (sku_code, lot_code) IN (SELECT * FROM unnest(%(sku_codes)s::text[], %(lot_codes)s::text[]))
   AND expired;

-- name: at_places
-- Whether units may be sold is judged by today, also when nobody has come round to say so yet.
SELECT place_code, sku_code, lot_code, quantity, expires_on,
       expired OR coalesce(last_sale_day < (clock_timestamp() AT TIME ZONE time_zone)::date, false) AS expired,
       (last_sale_day + 1)::timestamp AT TIME ZONE time_zone AS sale_end
  FROM lot_stock
  JOIN warehouse_lot USING (warehouse_code, sku_code, lot_code)
  JOIN lot USING (sku_code, lot_code)
  JOIN warehouse USING (warehouse_code)
 WHERE warehouse_code = %(warehouse_code)s
   AND (place_code, sku_code) IN (SELECT * FROM unnest(%(place_codes)s::text[], %(sku_codes)s::text[]))
   AND quantity > 0;

-- name: of_reservations
-- What is in packing for reservations in a warehouse, or with their customers, by lot.
SELECT entry.reservation_id, entry.sku_code, entry.lot_code, lot.expires_on,
       sum(CASE WHEN to_place = %(place_code)s THEN quantity ELSE -quantity END)::bigint AS quantity
  FROM ledger_entry AS entry
  LEFT JOIN lot USING (sku_code, lot_code)
 WHERE reservation_id = ANY (%(reservation_ids)s::uuid[])
   AND (%(warehouse_code)s = '' OR warehouse_code = %(warehouse_code)s)
   AND (from_place = %(place_code)s OR to_place = %(place_code)s)
 GROUP BY entry.reservation_id, entry.sku_code, entry.lot_code, lot.expires_on;

-- name: in_transit
-- What is on its way with transfers, by lot, over all warehouses.
SELECT document, entry.sku_code, entry.lot_code, lot.expires_on,
       sum(CASE WHEN to_place = 'TRANSIT' THEN quantity ELSE -quantity END)::bigint AS quantity
  FROM ledger_entry AS entry
  LEFT JOIN lot USING (sku_code, lot_code)
 WHERE document = ANY (%(documents)s::text[])
   AND warehouse_code = ANY (SELECT warehouse_code FROM warehouse)
   AND (from_place = 'TRANSIT' OR to_place = 'TRANSIT')
 GROUP BY document, entry.sku_code, entry.lot_code, lot.expires_on;

-- name: ensure
INSERT INTO lot_stock (warehouse_code, place_code, sku_code, lot_code, quantity)
SELECT %(warehouse_code)s, place_code, sku_code, lot_code, 0
  FROM unnest(%(place_codes)s::text[], %(sku_codes)s::text[], %(lot_codes)s::text[])
       AS new (place_code, sku_code, lot_code)
 ORDER BY place_code, sku_code, lot_code
ON CONFLICT DO NOTHING;

-- name: mark_places
UPDATE place_stock
   SET has_lots = true
 WHERE warehouse_code = %(warehouse_code)s
   AND (place_code, sku_code) IN (SELECT * FROM unnest(%(place_codes)s::text[], %(sku_codes)s::text[]))
   AND NOT has_lots;

-- name: change
-- By differences, never to a figure. The places are locked by the caller; lot_stock_not_negative bounds it.
UPDATE lot_stock
   SET quantity = lot_stock.quantity + change.difference
  FROM unnest(%(place_codes)s::text[], %(sku_codes)s::text[], %(lot_codes)s::text[], %(differences)s::bigint[])
       AS change (place_code, sku_code, lot_code, difference)
 WHERE lot_stock.warehouse_code = %(warehouse_code)s
   AND lot_stock.place_code = change.place_code
   AND lot_stock.sku_code = change.sku_code
   AND lot_stock.lot_code = change.lot_code;

-- name: due
-- Lots whose mark is not what the warehouse's calendar says: their day is over, or they were given more time.
(SELECT warehouse_code, sku_code, lot_code
   FROM warehouse
   JOIN warehouse_lot USING (warehouse_code)
  WHERE NOT expired AND last_sale_day < (statement_timestamp() AT TIME ZONE time_zone)::date
  LIMIT %(limit)s)
UNION ALL
(SELECT warehouse_code, sku_code, lot_code
   FROM warehouse
   JOIN warehouse_lot USING (warehouse_code)
  WHERE expired AND (last_sale_day IS NULL OR last_sale_day >= (statement_timestamp() AT TIME ZONE time_zone)::date)
  LIMIT %(limit)s);

-- name: places_of_sku
SELECT place_code FROM place_stock WHERE warehouse_code = %(warehouse_code)s AND sku_code = %(sku_code)s;

-- name: mark
-- Under the level's lock. Nothing comes back when somebody else has done it.
UPDATE warehouse_lot
   SET expired = last_sale_day IS NOT NULL
                 AND last_sale_day < (clock_timestamp() AT TIME ZONE warehouse.time_zone)::date
  FROM warehouse
 WHERE warehouse.warehouse_code = warehouse_lot.warehouse_code
   AND warehouse_lot.warehouse_code = %(warehouse_code)s
   AND sku_code = %(sku_code)s
   AND lot_code = %(lot_code)s
   AND expired <> (last_sale_day IS NOT NULL
                   AND last_sale_day < (clock_timestamp() AT TIME ZONE warehouse.time_zone)::date)
RETURNING expired,
          (SELECT expires_on FROM lot WHERE lot.sku_code = %(sku_code)s AND lot.lot_code = %(lot_code)s) AS expires_on,
          (SELECT coalesce(sum(quantity), 0)::bigint FROM lot_stock
            WHERE lot_stock.warehouse_code = %(warehouse_code)s
              AND lot_stock.sku_code = %(sku_code)s
              AND lot_stock.lot_code = %(lot_code)s
              AND place_code <> ALL (%(not_counted)s::text[])) AS units;

-- name: set_shelf_life
-- The catalog wants more days to be left, or fewer: the marks follow when somebody comes round.
UPDATE warehouse_lot
   SET last_sale_day = lot.expires_on - sku.shelf_life_days_min
  FROM lot
  JOIN sku USING (sku_code)
 WHERE sku.sku_code = %(sku_code)s
   AND warehouse_lot.sku_code = lot.sku_code
   AND warehouse_lot.lot_code = lot.lot_code
   AND last_sale_day IS DISTINCT FROM lot.expires_on - sku.shelf_life_days_min;

-- name: warehouses_of_lot
SELECT warehouse_code FROM warehouse_lot WHERE sku_code = %(sku_code)s AND lot_code = %(lot_code)s;

-- name: lock_lot
-- Behind levels and places in the order of locks.
SELECT expires_on FROM lot WHERE sku_code = %(sku_code)s AND lot_code = %(lot_code)s FOR NO KEY UPDATE;

-- name: set_expiry
UPDATE lot SET expires_on = %(expires_on)s WHERE sku_code = %(sku_code)s AND lot_code = %(lot_code)s;

-- name: set_last_sale_days
UPDATE warehouse_lot
   SET last_sale_day = %(expires_on)s::date - sku.shelf_life_days_min
  FROM sku
 WHERE sku.sku_code = %(sku_code)s AND warehouse_lot.sku_code = sku.sku_code AND lot_code = %(lot_code)s;

-- name: note_correction
INSERT INTO lot_expiry_correction (sku_code, lot_code, expires_on_before, expires_on, reason, actor, request_id)
VALUES (%(sku_code)s, %(lot_code)s, %(expires_on_before)s, %(expires_on)s, %(reason)s, %(actor)s, %(request_id)s);

-- name: corrections
SELECT correction_id, expires_on_before, expires_on, reason, actor, record_time
  FROM lot_expiry_correction
 WHERE sku_code = %(sku_code)s AND lot_code = %(lot_code)s AND correction_id < %(before)s
 ORDER BY correction_id DESC
 LIMIT %(limit)s;

-- name: expiring
-- From what lies there: lots of which nothing is left are more every year. Places are listed for the page alone.
WITH page AS MATERIALIZED (
    SELECT warehouse_code, sku_code, lot_code, lot.expires_on, last_sale_day,
           last_sale_day - (statement_timestamp() AT TIME ZONE time_zone)::date AS days_left
      FROM (SELECT DISTINCT warehouse_code, sku_code, lot_code
              FROM lot_stock
             WHERE warehouse_code = %(warehouse_code)s AND quantity > 0) AS there
      JOIN warehouse_lot USING (warehouse_code, sku_code, lot_code)
      JOIN warehouse USING (warehouse_code)
      JOIN lot USING (sku_code, lot_code)
     WHERE last_sale_day <= (statement_timestamp() AT TIME ZONE time_zone)::date + %(within_days)s::integer
       AND (last_sale_day, sku_code, lot_code) > (%(after_day)s::date, %(after_sku)s::text, %(after_lot)s::text)
     ORDER BY last_sale_day, sku_code, lot_code
     LIMIT %(limit)s
)
SELECT sku_code, lot_code, expires_on, last_sale_day, days_left, there.quantity, there.place_count,
       there.place_codes, there.quantities
  FROM page
 CROSS JOIN LATERAL (
       SELECT sum(quantity)::bigint AS quantity, count(*) AS place_count,
              (array_agg(place_code ORDER BY place_code))[:%(places)s] AS place_codes,
              (array_agg(quantity ORDER BY place_code))[:%(places)s] AS quantities
         FROM lot_stock
        WHERE lot_stock.warehouse_code = page.warehouse_code
          AND lot_stock.sku_code = page.sku_code
          AND lot_stock.lot_code = page.lot_code
          AND quantity > 0) AS there
 ORDER BY last_sale_day, sku_code, lot_code;

-- name: differences
-- Lots at places beside the ledger, both ways round; and what is stored of a place is never less than its lots.
WITH recomputed AS (
    SELECT entry.warehouse_code, entry.sku_code, side.place_code, entry.lot_code, sum(side.units)::bigint AS quantity
      FROM ledger_entry AS entry
     CROSS JOIN LATERAL (VALUES (to_place, quantity), (from_place, -quantity)) AS side (place_code, units)
     WHERE lot_code <> ''
       AND (%(warehouse_code)s::text = '' OR warehouse_code = %(warehouse_code)s)
       AND (warehouse_code, sku_code) > (%(after_warehouse)s::text, %(after_sku)s::text)
       AND (warehouse_code, sku_code) <= (%(through_warehouse)s::text, %(through_sku)s::text)
       AND side.place_code <> ALL (%(outside)s::text[])
     GROUP BY entry.warehouse_code, entry.sku_code, side.place_code, entry.lot_code
), stored AS (
    SELECT warehouse_code, sku_code, place_code, lot_code, quantity
      FROM lot_stock
     WHERE (%(warehouse_code)s = '' OR warehouse_code = %(warehouse_code)s)
       AND (warehouse_code, sku_code) > (%(after_warehouse)s, %(after_sku)s)
       AND (warehouse_code, sku_code) <= (%(through_warehouse)s, %(through_sku)s)
)
SELECT warehouse_code, sku_code, place_code, coalesce(stored.quantity, 0), coalesce(recomputed.quantity, 0), lot_code
  FROM stored
  FULL JOIN recomputed USING (warehouse_code, sku_code, place_code, lot_code)
 WHERE coalesce(stored.quantity, 0) <> coalesce(recomputed.quantity, 0)
 ORDER BY warehouse_code, sku_code, place_code, lot_code
 LIMIT %(limit)s;

-- name: expired_differences
-- What levels count as expired beside the marked lots at places.
WITH marked AS (
    SELECT warehouse_code, sku_code, sum(quantity) AS quantity
      FROM lot_stock
      JOIN warehouse_lot USING (warehouse_code, sku_code, lot_code)
     WHERE expired
       AND (%(warehouse_code)s::text = '' OR warehouse_code = %(warehouse_code)s)
       AND (warehouse_code, sku_code) > (%(after_warehouse)s::text, %(after_sku)s::text)
       AND (warehouse_code, sku_code) <= (%(through_warehouse)s::text, %(through_sku)s::text)
       AND place_code <> ALL (%(not_counted)s::text[])
     GROUP BY warehouse_code, sku_code
), stored AS (
    SELECT warehouse_code, sku_code, expired
      FROM level
     WHERE (%(warehouse_code)s = '' OR warehouse_code = %(warehouse_code)s)
       AND (warehouse_code, sku_code) > (%(after_warehouse)s, %(after_sku)s)
       AND (warehouse_code, sku_code) <= (%(through_warehouse)s, %(through_sku)s)
)
SELECT warehouse_code, sku_code, '', coalesce(stored.expired, 0)::bigint, coalesce(marked.quantity, 0)::bigint, '', true
  FROM stored
  FULL JOIN marked USING (warehouse_code, sku_code)
 WHERE coalesce(stored.expired, 0) <> coalesce(marked.quantity, 0)
 ORDER BY warehouse_code, sku_code
 LIMIT %(limit)s;

-- name: expired_units
-- What levels of these SKUs should count as expired, beside what they do.
SELECT level.sku_code, level.expired,
       coalesce((SELECT sum(quantity) FROM lot_stock JOIN warehouse_lot USING (warehouse_code, sku_code, lot_code)
                  WHERE lot_stock.warehouse_code = level.warehouse_code
                    AND lot_stock.sku_code = level.sku_code
                    AND warehouse_lot.expired
                    AND place_code <> ALL (%(not_counted)s::text[])), 0)::bigint AS counted
  FROM level
 WHERE warehouse_code = %(warehouse_code)s AND sku_code = ANY (%(sku_codes)s::text[]);

-- name: differences_of_skus
WITH recomputed AS (
    SELECT entry.sku_code, side.place_code, entry.lot_code, sum(side.units)::bigint AS quantity
      FROM ledger_entry AS entry
     CROSS JOIN LATERAL (VALUES (to_place, quantity), (from_place, -quantity)) AS side (place_code, units)
     WHERE lot_code <> ''
       AND warehouse_code = %(warehouse_code)s
       AND sku_code = ANY (%(sku_codes)s::text[])
       AND side.place_code <> ALL (%(outside)s::text[])
     GROUP BY entry.sku_code, side.place_code, entry.lot_code
), stored AS (
    SELECT sku_code, place_code, lot_code, quantity
      FROM lot_stock
     WHERE warehouse_code = %(warehouse_code)s AND sku_code = ANY (%(sku_codes)s::text[])
)
SELECT %(warehouse_code)s::text, sku_code, place_code, coalesce(stored.quantity, 0), coalesce(recomputed.quantity, 0),
       lot_code
  FROM stored
  FULL JOIN recomputed USING (sku_code, place_code, lot_code)
 WHERE coalesce(stored.quantity, 0) <> coalesce(recomputed.quantity, 0)
 ORDER BY sku_code, place_code, lot_code;
