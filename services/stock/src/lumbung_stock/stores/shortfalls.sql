-- name: settle
-- Makes the open rows agree with the levels named. What was opened, or is worse than ever before, is raised.
WITH now_short AS (
    SELECT warehouse_code, sku_code, shortfall
      FROM level
     WHERE (warehouse_code, sku_code) IN (
               SELECT * FROM unnest(%(warehouse_codes)s::text[], %(sku_codes)s::text[])
           )
), resolved AS (
    UPDATE shortfall
       SET resolve_time = clock_timestamp()
      FROM now_short
     WHERE shortfall.warehouse_code = now_short.warehouse_code
       AND shortfall.sku_code = now_short.sku_code
       AND shortfall.resolve_time IS NULL
       AND now_short.shortfall = 0
    RETURNING shortfall.warehouse_code, shortfall.sku_code
), raised AS (
    INSERT INTO shortfall (warehouse_code, sku_code, worst_quantity)
    SELECT warehouse_code, sku_code, shortfall FROM now_short WHERE shortfall > 0
    ON CONFLICT (warehouse_code, sku_code) WHERE resolve_time IS NULL DO UPDATE
       SET worst_quantity = excluded.worst_quantity
     WHERE shortfall.worst_quantity < excluded.worst_quantity
    RETURNING warehouse_code, sku_code, worst_quantity
)
SELECT warehouse_code, sku_code, worst_quantity FROM raised
UNION ALL
SELECT warehouse_code, sku_code, 0 FROM resolved
ORDER BY 1, 2;

-- name: list
SELECT shortfall.warehouse_code, shortfall.sku_code, level.shortfall AS missing_quantity, shortfall.raise_time,
       (SELECT coalesce(array_agg(reservation_id ORDER BY create_time DESC, reservation_id DESC), '{}')
          FROM (SELECT reservation_id, create_time
                  FROM shortfall_hits(shortfall.warehouse_code, shortfall.sku_code)
                 ORDER BY create_time DESC, reservation_id DESC
                 LIMIT %(reservations_max)s) AS hit) AS reservation_ids
  FROM shortfall
  JOIN level USING (warehouse_code, sku_code)
 WHERE shortfall.resolve_time IS NULL
   AND level.shortfall > 0
   AND (%(warehouse_code)s = '' OR shortfall.warehouse_code = %(warehouse_code)s)
   AND (shortfall.raise_time, shortfall.warehouse_code, shortfall.sku_code)
       > (%(after_time)s::timestamptz, %(after_warehouse)s, %(after_sku)s)
 ORDER BY shortfall.raise_time, shortfall.warehouse_code, shortfall.sku_code
 LIMIT %(limit)s;

-- name: hits
-- The youngest promises first. With a limit, so many of each level.
SELECT short.warehouse_code, short.sku_code, hit.reservation_id, hit.hit_quantity, hit.older_quantity
  FROM unnest(%(warehouse_codes)s::text[], %(sku_codes)s::text[]) AS short (warehouse_code, sku_code)
 CROSS JOIN LATERAL (
           SELECT * FROM shortfall_hits(short.warehouse_code, short.sku_code)
            WHERE %(reservation_id)s::uuid IS NULL OR reservation_id = %(reservation_id)s
            ORDER BY create_time DESC, reservation_id DESC
            LIMIT %(limit)s
       ) AS hit
 ORDER BY short.warehouse_code, short.sku_code, hit.create_time DESC, hit.reservation_id DESC;

-- name: list_hits
-- Behind a shortfall's (time, warehouse, SKU), and within it behind a promise's (time, reservation), youngest first.
SELECT short.warehouse_code, short.sku_code, hit.reservation_id, hit.hit_quantity, hit.older_quantity,
       least(coalesce(waiting_quantity, 0), hit.hit_quantity) AS backordered, reservation.state,
       reservation.channel_code, coalesce(reservation.order_reference, '') AS order_reference, reservation.lines,
       short.raise_time, hit.create_time
  FROM shortfall AS short
 CROSS JOIN LATERAL shortfall_hits(short.warehouse_code, short.sku_code) AS hit
  JOIN reservation USING (reservation_id)
  LEFT JOIN backorder
    ON backorder.warehouse_code = short.warehouse_code
   AND backorder.sku_code = short.sku_code
   AND backorder.reservation_id = hit.reservation_id
 WHERE short.resolve_time IS NULL
   AND (%(warehouse_code)s = '' OR short.warehouse_code = %(warehouse_code)s)
   AND (%(sku_code)s = '' OR short.sku_code = %(sku_code)s)
   AND (%(reservation_id)s::uuid IS NULL OR hit.reservation_id = %(reservation_id)s)
   AND (%(decision)s <> 1 OR coalesce(waiting_quantity, 0) < hit.hit_quantity)
   AND (%(decision)s <> 2 OR waiting_quantity > 0)
   AND (short.raise_time, short.warehouse_code, short.sku_code)
       >= (%(after_raise_time)s::timestamptz, %(after_warehouse)s, %(after_sku)s)
   AND ((short.raise_time, short.warehouse_code, short.sku_code)
        > (%(after_raise_time)s::timestamptz, %(after_warehouse)s, %(after_sku)s)
        OR (hit.create_time, hit.reservation_id) < (%(after_time)s::timestamptz, %(after_reservation)s::uuid))
 ORDER BY short.raise_time, short.warehouse_code, short.sku_code, hit.create_time DESC, hit.reservation_id DESC
 LIMIT %(limit)s;

-- name: arrivals
-- What open expected receipts are still to bring, earliest first.
SELECT receipt.warehouse_code, line.sku_code, nullif(receipt.expected_time, 'infinity') AS expected_time,
       line.expected_quantity - line.received_quantity AS missing
  FROM unnest(%(warehouse_codes)s::text[], %(sku_codes)s::text[]) AS short (warehouse_code, sku_code)
  JOIN expected_receipt_line AS line USING (sku_code)
  JOIN expected_receipt AS receipt
    ON receipt.expected_receipt_id = line.expected_receipt_id AND receipt.warehouse_code = short.warehouse_code
 WHERE receipt.state = 1
   AND line.received_quantity < line.expected_quantity
 ORDER BY receipt.expected_time, receipt.expected_receipt_id;

-- name: waiting
SELECT sku_code, waiting_quantity
  FROM backorder
 WHERE reservation_id = %(reservation_id)s AND warehouse_code = %(warehouse_code)s
 ORDER BY sku_code
   FOR UPDATE;

-- name: add_waiting
INSERT INTO backorder (warehouse_code, sku_code, reservation_id, waiting_quantity)
VALUES (%(warehouse_code)s, %(sku_code)s, %(reservation_id)s, %(units)s)
ON CONFLICT (warehouse_code, sku_code, reservation_id) DO UPDATE
   SET waiting_quantity = backorder.waiting_quantity + excluded.waiting_quantity
RETURNING waiting_quantity;

-- name: forget_waiting
DELETE FROM backorder WHERE reservation_id = %(reservation_id)s
RETURNING reservation_id, warehouse_code, sku_code, 0::bigint AS waiting_quantity;

-- name: leave_waiting
-- What another warehouse gives waits no longer.
WITH changed AS (
    SELECT backorder.warehouse_code, backorder.sku_code, greatest(0, lacking.quantity) AS waiting
      FROM backorder
      JOIN unnest(%(sku_codes)s::text[], %(lacking)s::bigint[]) AS lacking (sku_code, quantity) USING (sku_code)
     WHERE backorder.reservation_id = %(reservation_id)s
       AND backorder.warehouse_code = %(warehouse_code)s
       AND backorder.waiting_quantity > lacking.quantity
), ended AS (
    DELETE FROM backorder USING changed
     WHERE backorder.reservation_id = %(reservation_id)s
       AND backorder.warehouse_code = changed.warehouse_code
       AND backorder.sku_code = changed.sku_code
       AND changed.waiting = 0
), reduced AS (
    UPDATE backorder SET waiting_quantity = changed.waiting
      FROM changed
     WHERE backorder.reservation_id = %(reservation_id)s
       AND backorder.warehouse_code = changed.warehouse_code
       AND backorder.sku_code = changed.sku_code
       AND changed.waiting > 0
)
SELECT %(reservation_id)s::uuid AS reservation_id, warehouse_code, sku_code, waiting FROM changed ORDER BY 2, 3;

-- name: lock_waiting
-- The last in the lock order: after level, place_stock and ledger_head.
SELECT reservation_id
  FROM backorder
 WHERE (warehouse_code, sku_code) IN (SELECT * FROM unnest(%(warehouse_codes)s::text[], %(sku_codes)s::text[]))
   AND (%(reservation_id)s::uuid IS NULL OR reservation_id = %(reservation_id)s)
 ORDER BY warehouse_code, sku_code, reservation_id
   FOR UPDATE;

-- name: serve_waiting
-- Units that waited and are no longer missing: served, or dropped with a sale that was taken back. The rows are locked.
WITH short AS (
    SELECT DISTINCT warehouse_code, sku_code
      FROM backorder
     WHERE (warehouse_code, sku_code) IN (SELECT * FROM unnest(%(warehouse_codes)s::text[], %(sku_codes)s::text[]))
       AND (%(reservation_id)s::uuid IS NULL OR reservation_id = %(reservation_id)s)
), hit AS (
    SELECT short.warehouse_code, short.sku_code, each.reservation_id, each.hit_quantity
      FROM short
     CROSS JOIN LATERAL shortfall_hits(short.warehouse_code, short.sku_code) AS each
), changed AS (
    SELECT warehouse_code, sku_code, reservation_id, waiting_quantity - coalesce(hit_quantity, 0) AS served,
           coalesce(hit_quantity, 0) AS waiting,
           CASE WHEN reservation.state IN (2, 6) THEN 4 ELSE 5 END AS kind
      FROM short
      JOIN backorder USING (warehouse_code, sku_code)
      JOIN reservation USING (reservation_id)
      LEFT JOIN hit USING (warehouse_code, sku_code, reservation_id)
     WHERE waiting_quantity > coalesce(hit_quantity, 0)
       AND (%(reservation_id)s::uuid IS NULL OR reservation_id = %(reservation_id)s)
), ended AS (
    DELETE FROM backorder USING changed
     WHERE (backorder.warehouse_code, backorder.sku_code, backorder.reservation_id)
           = (changed.warehouse_code, changed.sku_code, changed.reservation_id)
       AND changed.waiting = 0
), reduced AS (
    UPDATE backorder SET waiting_quantity = changed.waiting
      FROM changed
     WHERE (backorder.warehouse_code, backorder.sku_code, backorder.reservation_id)
           = (changed.warehouse_code, changed.sku_code, changed.reservation_id)
       AND changed.waiting > 0
), noted AS (
    INSERT INTO shortfall_act (kind, warehouse_code, sku_code, reservation_id, quantity, actor)
    SELECT kind, warehouse_code, sku_code, reservation_id, served, %(actor)s
      FROM changed
     ORDER BY warehouse_code, sku_code, reservation_id
)
SELECT reservation_id, warehouse_code, sku_code, waiting FROM changed ORDER BY 2, 3, 1;

-- name: note_act
INSERT INTO shortfall_act (
    kind, warehouse_code, sku_code, reservation_id, quantity, to_warehouse_code, reason, actor, request_id
)
VALUES (%(kind)s, %(warehouse_code)s, %(sku_code)s, %(reservation_id)s, %(quantity)s, %(to_warehouse_code)s, %(reason)s,
        %(actor)s, %(request_id)s);

-- name: left
-- Warehouses that a sale was moved away from.
SELECT DISTINCT warehouse_code FROM shortfall_act WHERE reservation_id = %(reservation_id)s AND kind = 1;

-- name: list_acts
SELECT act_id, kind, warehouse_code, sku_code, reservation_id, quantity, to_warehouse_code, reason, actor, request_id,
       record_time
  FROM shortfall_act
 WHERE (%(warehouse_code)s = '' OR warehouse_code = %(warehouse_code)s)
   AND (%(sku_code)s = '' OR sku_code = %(sku_code)s)
   AND (%(reservation_id)s::uuid IS NULL OR reservation_id = %(reservation_id)s)
   AND (%(kind)s = 0 OR kind = %(kind)s)
   AND act_id > %(after)s
 ORDER BY act_id
 LIMIT %(limit)s;
