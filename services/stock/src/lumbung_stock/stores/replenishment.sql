-- name: set
-- The level must be locked by the caller.
UPDATE level
   SET safety_stock = %(safety_stock)s, reorder_point = %(reorder_point)s, reorder_quantity = %(reorder_quantity)s
 WHERE warehouse_code = %(warehouse_code)s AND sku_code = %(sku_code)s;

-- name: note_change
INSERT INTO replenishment_change (
    warehouse_code, sku_code, safety_stock_before, reorder_point_before, reorder_quantity_before,
    safety_stock, reorder_point, reorder_quantity, reason, actor, request_id
)
VALUES (%(warehouse_code)s, %(sku_code)s, %(safety_stock_before)s, %(reorder_point_before)s,
        %(reorder_quantity_before)s, %(safety_stock)s, %(reorder_point)s, %(reorder_quantity)s, %(reason)s, %(actor)s,
        %(request_id)s);

-- name: take_crossings
-- The oldest that no event has told of. Those that another replica tells of are left to it.
WITH oldest AS (
    SELECT crossing_id FROM reorder_crossing ORDER BY crossing_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), taken AS (
    DELETE FROM reorder_crossing USING oldest WHERE reorder_crossing.crossing_id = oldest.crossing_id
    RETURNING reorder_crossing.*
)
SELECT warehouse_code, sku_code, safety_stock, reorder_point, reorder_quantity, available
  FROM taken
 ORDER BY crossing_id;

-- name: due
-- What is at or below its reorder point. Urgency is thousandths of a day of cover; what did not sell comes last.
WITH due AS (
    SELECT warehouse_code, sku_code, safety_stock, reorder_point, reorder_quantity,
           on_hand - held - sold - safety_stock - escrow AS available,
           (SELECT coalesce(sum(entry.quantity), 0)::bigint
              FROM ledger_entry AS entry
             WHERE entry.warehouse_code = level.warehouse_code
               AND entry.sku_code = level.sku_code
               AND entry.kind = 5
               AND entry.effective_time > statement_timestamp() - make_interval(days => %(days)s)) AS units_sold
      FROM level
      JOIN sku USING (sku_code)
     WHERE (%(warehouse_code)s::text = '' OR warehouse_code = %(warehouse_code)s)
       AND (reorder_point > 0 OR reorder_quantity > 0)
       AND on_hand - held - sold - safety_stock - escrow <= reorder_point
       AND sku.active
), ranked AS (
    SELECT *,
           CASE WHEN units_sold > 0 THEN (available::numeric * %(days)s * 1000 / units_sold)::bigint
                ELSE 9223372036854775807 END AS urgency
      FROM due
)
SELECT warehouse_code, sku_code, safety_stock, reorder_point, reorder_quantity, available, units_sold, urgency
  FROM ranked
 WHERE (urgency, warehouse_code, sku_code) > (%(after_urgency)s::bigint, %(after_warehouse)s::text, %(after_sku)s::text)
 ORDER BY urgency, warehouse_code, sku_code
 LIMIT %(limit)s;
