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
-- What a sale has set aside and promised to nobody is hit first, then the youngest promises: those that are not in
-- packing yet, until the missing units are accounted for. A share that has left is in nobody's way.
SELECT shortfall.warehouse_code, shortfall.sku_code, level.shortfall AS missing_quantity, shortfall.raise_time,
       (SELECT coalesce(array_agg(reservation_id ORDER BY create_time DESC, reservation_id DESC), '{}')
          FROM (SELECT reservation.reservation_id, reservation.create_time,
                       sum(draw.quantity - draw.picked)
                           OVER (ORDER BY reservation.create_time DESC, reservation.reservation_id DESC)
                       - (draw.quantity - draw.picked) AS hit_before
                  FROM reservation_draw AS draw
                  JOIN reservation USING (reservation_id)
                 WHERE draw.warehouse_code = shortfall.warehouse_code
                   AND draw.sku_code = shortfall.sku_code
                   AND draw.picked < draw.quantity
                   AND NOT draw.shipped
                   AND reservation.state IN (1, 2)
                 ORDER BY reservation.create_time DESC, reservation.reservation_id DESC
                 LIMIT %(reservations_max)s) AS promise
         WHERE hit_before + unsold.quantity < level.shortfall) AS reservation_ids
  FROM shortfall
  JOIN level USING (warehouse_code, sku_code)
 CROSS JOIN LATERAL (
           SELECT coalesce(sum(item.remaining), 0) AS quantity
             FROM flash_sale_item AS item
             JOIN flash_sale USING (flash_sale_code)
            WHERE item.warehouse_code = shortfall.warehouse_code
              AND item.sku_code = shortfall.sku_code
              AND flash_sale.state IN (2, 3)
       ) AS unsold
 WHERE shortfall.resolve_time IS NULL
   AND level.shortfall > 0
   AND (%(warehouse_code)s = '' OR shortfall.warehouse_code = %(warehouse_code)s)
   AND (shortfall.raise_time, shortfall.warehouse_code, shortfall.sku_code)
       > (%(after_time)s::timestamptz, %(after_warehouse)s, %(after_sku)s)
 ORDER BY shortfall.raise_time, shortfall.warehouse_code, shortfall.sku_code
 LIMIT %(limit)s;
