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
-- What is at or below its reorder point with all that is ordered, or in transit from another warehouse, and has not come.
-- Urgency is thousandths of a day of cover; what did not sell comes last.
WITH low AS (
    SELECT warehouse_code, sku_code, safety_stock, reorder_point, reorder_quantity,
           on_hand - held - sold - safety_stock - escrow - expired AS available,
           (SELECT coalesce(sum(greatest(0, line.expected_quantity - line.received_quantity)), 0)::bigint
              FROM expected_receipt_line AS line
              JOIN expected_receipt USING (expected_receipt_id)
             WHERE line.sku_code = level.sku_code
               AND expected_receipt.warehouse_code = level.warehouse_code
               AND expected_receipt.state = 1)
           + (SELECT coalesce(sum(sent_quantity - received_quantity - lost_quantity), 0)::bigint
                FROM transfer_line
               WHERE to_warehouse_code = level.warehouse_code AND sku_code = level.sku_code) AS on_order
      FROM level
      JOIN sku USING (sku_code)
     WHERE (%(warehouse_code)s::text = '' OR warehouse_code = %(warehouse_code)s)
       AND (reorder_point > 0 OR reorder_quantity > 0)
       AND on_hand - held - sold - safety_stock - escrow - expired <= reorder_point
       AND sku.active
), due AS (
    SELECT *,
           (SELECT coalesce(sum(entry.quantity), 0)::bigint
              FROM ledger_entry AS entry
             WHERE entry.warehouse_code = low.warehouse_code
               AND entry.sku_code = low.sku_code
               AND entry.kind = 5
               AND entry.effective_time > statement_timestamp() - make_interval(days => %(days)s)) AS units_sold
      FROM low
     WHERE available + on_order <= reorder_point
), ranked AS (
    SELECT *,
           CASE WHEN units_sold > 0 THEN (available::numeric * %(days)s * 1000 / units_sold)::bigint
                ELSE 9223372036854775807 END AS urgency
      FROM due
)
SELECT warehouse_code, sku_code, safety_stock, reorder_point, reorder_quantity, available, on_order, units_sold, urgency
  FROM ranked
 WHERE (urgency, warehouse_code, sku_code) > (%(after_urgency)s::bigint, %(after_warehouse)s::text, %(after_sku)s::text)
 ORDER BY urgency, warehouse_code, sku_code
 LIMIT %(limit)s;

-- name: changes
SELECT change_id, safety_stock_before, reorder_point_before, reorder_quantity_before, safety_stock, reorder_point,
       reorder_quantity, reason, actor, request_id, record_time
  FROM replenishment_change
 WHERE warehouse_code = %(warehouse_code)s AND sku_code = %(sku_code)s AND change_id > %(after)s
 ORDER BY change_id
 LIMIT %(limit)s;

-- name: present
SELECT warehouse_code, sku_code, safety_stock, reorder_point, reorder_quantity
  FROM level
 WHERE warehouse_code = %(warehouse_code)s AND sku_code = ANY (%(sku_codes)s::text[]);

-- name: put_lead_times
INSERT INTO lead_time (
    warehouse_code, sku_code, supplier_code, mean_days, deviation_days, pack_size, priority, actor
)
SELECT *, %(actor)s
  FROM unnest(
           %(warehouse_codes)s::text[], %(sku_codes)s::text[], %(supplier_codes)s::text[], %(mean_days)s::float8[],
           %(deviation_days)s::float8[], %(pack_sizes)s::bigint[], %(priorities)s::integer[]
       ) AS said (warehouse_code, sku_code, supplier_code, mean_days, deviation_days, pack_size, priority)
 ORDER BY 1, 2, 3
ON CONFLICT (warehouse_code, sku_code, supplier_code) DO UPDATE
   SET mean_days = excluded.mean_days,
       deviation_days = excluded.deviation_days,
       pack_size = excluded.pack_size,
       priority = excluded.priority,
       actor = excluded.actor,
       update_time = excluded.update_time;

-- name: remove_lead_times
-- What is not there is not removed; what was is written down with who did it.
WITH removed AS (
    DELETE FROM lead_time
     WHERE (warehouse_code, sku_code, supplier_code) IN (
               SELECT * FROM unnest(%(warehouse_codes)s::text[], %(sku_codes)s::text[], %(supplier_codes)s::text[])
           )
    RETURNING *
)
INSERT INTO lead_time_removal (
    warehouse_code, sku_code, supplier_code, mean_days, deviation_days, pack_size, priority, actor, request_id
)
SELECT warehouse_code, sku_code, supplier_code, mean_days, deviation_days, pack_size, priority, %(actor)s, %(request_id)s
  FROM removed
RETURNING warehouse_code, sku_code, supplier_code;

-- name: list_lead_times
SELECT warehouse_code, sku_code, supplier_code, mean_days, deviation_days, pack_size, priority
  FROM lead_time
 WHERE warehouse_code = %(warehouse_code)s
   AND (%(sku_code)s = '' OR sku_code = %(sku_code)s)
   AND (sku_code, priority, supplier_code) > (%(after_sku)s, %(after_priority)s, %(after_supplier)s)
 ORDER BY sku_code, priority, supplier_code
 LIMIT %(limit)s;

-- name: first_lead_times
SELECT DISTINCT ON (sku_code)
       warehouse_code, sku_code, supplier_code, mean_days, deviation_days, pack_size, priority
  FROM lead_time
 WHERE warehouse_code = %(warehouse_code)s
   AND sku_code = ANY (%(sku_codes)s::text[])
   AND (%(supplier_code)s = '' OR supplier_code = %(supplier_code)s)
 ORDER BY sku_code, priority, supplier_code;

-- name: demand
-- Whole days of the warehouse's clock before today. What was on hand before a day is what is on hand now, less all
-- that has moved since. What came back is taken off the day on which it was sold.
WITH house AS (
    SELECT time_zone, (statement_timestamp() AT TIME ZONE time_zone)::date AS today
      FROM warehouse
     WHERE warehouse_code = %(warehouse_code)s
), moved AS (
    SELECT entry.sku_code, (entry.effective_time AT TIME ZONE time_zone)::date AS day,
           sum(CASE WHEN to_place <> ALL (%(not_on_hand)s::text[]) THEN entry.quantity ELSE 0 END) AS came,
           sum(CASE WHEN from_place <> ALL (%(not_on_hand)s::text[]) THEN entry.quantity ELSE 0 END) AS went,
           sum(CASE WHEN kind = 5 THEN entry.quantity ELSE 0 END) AS sold,
           coalesce(sum(draw.returned), 0) AS returned
      FROM house
      JOIN ledger_entry AS entry ON entry.warehouse_code = %(warehouse_code)s
      LEFT JOIN reservation_draw AS draw
        ON entry.kind = 5
       AND draw.reservation_id = entry.reservation_id
       AND draw.warehouse_code = entry.warehouse_code
       AND draw.sku_code = entry.sku_code
     WHERE entry.sku_code = ANY (%(sku_codes)s::text[])
       AND entry.effective_time >= (today - %(days)s::integer)::timestamp AT TIME ZONE time_zone
     GROUP BY entry.sku_code, day
), per_day AS (
    SELECT asked.sku_code, calendar.day::date AS day, today, coalesce(moved.came, 0) AS came,
           coalesce(moved.sold, 0) AS sold, coalesce(moved.returned, 0) AS returned,
           coalesce(level.on_hand, 0)
           - sum(coalesce(moved.came, 0) - coalesce(moved.went, 0))
                 OVER (PARTITION BY asked.sku_code ORDER BY calendar.day DESC)
               AS on_hand_before
      FROM unnest(%(sku_codes)s::text[]) AS asked (sku_code)
     CROSS JOIN house
     CROSS JOIN LATERAL generate_series((today - %(days)s::integer)::timestamp, today::timestamp, interval '1 day')
                AS calendar (day)
      LEFT JOIN moved ON moved.sku_code = asked.sku_code AND moved.day = calendar.day::date
      LEFT JOIN level ON level.warehouse_code = %(warehouse_code)s AND level.sku_code = asked.sku_code
)
SELECT sku_code,
       coalesce(array_agg((sold - returned)::bigint ORDER BY day)
                FILTER (WHERE on_hand_before > 0 OR came > 0 OR sold > 0), '{}') AS units,
       count(*) FILTER (WHERE on_hand_before <= 0 AND came = 0 AND sold = 0) AS days_out_of_stock,
       sum(returned)::bigint AS returned
  FROM per_day
 WHERE day < today
 GROUP BY sku_code;
