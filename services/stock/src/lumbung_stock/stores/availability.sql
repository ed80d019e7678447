-- name: figures
-- Everything at one instant: one statement sees one snapshot. A bundle draws on its components within a warehouse,
-- so its figure is the scarcest component's per warehouse, summed. A retired SKU can be promised no more.
-- What flash sales offer comes as [sale, units, channels] each, so that one reading serves every channel.
WITH asked AS (
    SELECT sku_code, is_bundle, active FROM sku WHERE sku_code = ANY (%(sku_codes)s::text[])
), draw AS (
    SELECT sku_code, sku_code AS component_code, 1::bigint AS quantity FROM asked WHERE NOT is_bundle
    UNION ALL
    SELECT asked.sku_code, component_code, quantity
      FROM asked
      JOIN sku_component ON bundle_code = asked.sku_code
     WHERE is_bundle
), per_warehouse AS (
    SELECT draw.sku_code, warehouse.warehouse_code,
           min(greatest(0, coalesce(on_hand - held - sold - safety_stock - escrow - expired, 0)) / draw.quantity) AS available
      FROM draw
     CROSS JOIN warehouse
      LEFT JOIN level ON level.warehouse_code = warehouse.warehouse_code AND level.sku_code = draw.component_code
     WHERE %(warehouse_code)s::text = '' OR warehouse.warehouse_code = %(warehouse_code)s
     GROUP BY draw.sku_code, warehouse.warehouse_code
), total AS (
    SELECT sku_code, sum(available)::bigint AS available FROM per_warehouse GROUP BY sku_code
), stock AS (
    SELECT sku_code, sum(on_hand)::bigint AS on_hand, sum(held)::bigint AS held, sum(sold)::bigint AS sold,
           sum(safety_stock)::bigint AS safety_stock, sum(escrow)::bigint AS escrow,
           sum(shortfall)::bigint AS shortfall, sum(expired)::bigint AS expired
      FROM asked
     CROSS JOIN warehouse
      JOIN level USING (warehouse_code, sku_code)
     WHERE %(warehouse_code)s = '' OR warehouse_code = %(warehouse_code)s
     GROUP BY sku_code
), in_pool AS (
    SELECT draw.sku_code, coalesce(flash_sale.parent_code, flash_sale.flash_sale_code) AS flash_sale_code,
           flash_sale.channel_codes,
           min(item.remaining / draw.quantity) AS available
      FROM flash_sale
     CROSS JOIN draw
      LEFT JOIN flash_sale_item AS item
        ON item.flash_sale_code = flash_sale.flash_sale_code
       AND item.sku_code = draw.component_code
       AND (%(warehouse_code)s = '' OR item.warehouse_code = %(warehouse_code)s)
     WHERE flash_sale.state = 2
       AND flash_sale.end_time > statement_timestamp()
     GROUP BY draw.sku_code, flash_sale.flash_sale_code
    HAVING count(item.sku_code) = count(*)
), on_sale AS (
    SELECT sku_code, flash_sale_code, channel_codes, sum(available)::bigint AS available
      FROM in_pool
     GROUP BY sku_code, flash_sale_code, channel_codes
), offer AS (
    SELECT sku_code,
           jsonb_agg(jsonb_build_array(flash_sale_code, CASE WHEN active THEN available ELSE 0 END, channel_codes))
               AS offers
      FROM on_sale
      JOIN asked USING (sku_code)
     GROUP BY sku_code
)
SELECT asked.sku_code, %(warehouse_code)s AS warehouse_code,
       CASE WHEN asked.active THEN coalesce(total.available, 0) ELSE 0 END AS available_to_promise,
       coalesce(on_hand, 0) AS on_hand, coalesce(held, 0) AS held, coalesce(sold, 0) AS sold,
       coalesce(safety_stock, 0) AS safety_stock, coalesce(escrow, 0) AS escrow,
       coalesce(shortfall, 0) AS shortfall, coalesce(expired, 0) AS expired,
       coalesce(offer.offers, '[]') AS offers,
       statement_timestamp() AS read_time
  FROM asked
  LEFT JOIN total USING (sku_code)
  LEFT JOIN stock ON stock.sku_code = asked.sku_code AND NOT asked.is_bundle
  LEFT JOIN offer ON offer.sku_code = asked.sku_code;

-- name: escrow_shares
-- Sales that are not over: open, or closing. A sale's pools are taken together, per warehouse.
WITH share AS (
    SELECT item.sku_code, coalesce(flash_sale.parent_code, item.flash_sale_code) AS flash_sale_code,
           item.warehouse_code,
           item.quota, item.remaining, item.shipped,
           coalesce(sum(draw.quantity) FILTER (WHERE reservation.state = 1), 0)::bigint AS held,
           coalesce(sum(draw.quantity) FILTER (WHERE reservation.state = 2), 0)::bigint AS sold
      FROM flash_sale_item AS item
      JOIN flash_sale USING (flash_sale_code)
      LEFT JOIN reservation
        ON reservation.flash_sale_code = item.flash_sale_code AND reservation.state IN (1, 2)
      LEFT JOIN reservation_draw AS draw
        ON draw.reservation_id = reservation.reservation_id AND draw.sku_code = item.sku_code AND draw.from_escrow
       AND NOT draw.shipped
     WHERE item.sku_code = ANY (%(sku_codes)s::text[]) AND flash_sale.state IN (2, 3)
     GROUP BY item.flash_sale_code, item.sku_code, flash_sale.parent_code
)
SELECT sku_code, flash_sale_code, warehouse_code, sum(quota)::bigint AS quota, sum(remaining)::bigint AS remaining,
       sum(held)::bigint AS held, sum(sold)::bigint AS sold, sum(shipped)::bigint AS shipped
  FROM share
 GROUP BY sku_code, flash_sale_code, warehouse_code
 ORDER BY sku_code, flash_sale_code, warehouse_code;

-- name: component_shares
SELECT component_code, quantity AS quantity_per_bundle,
       coalesce(sum(greatest(0, on_hand - held - sold - safety_stock - escrow - expired) / quantity), 0)::bigint
           AS bundles_possible
  FROM sku_component
 CROSS JOIN warehouse
  LEFT JOIN level ON level.warehouse_code = warehouse.warehouse_code AND level.sku_code = component_code
 WHERE bundle_code = %(sku_code)s
 GROUP BY component_code, quantity
 ORDER BY component_code;

-- name: levels
SELECT warehouse_code, sku_code, on_hand, held, sold, escrow, safety_stock, reorder_point, reorder_quantity, shortfall,
       expired
  FROM level
 WHERE sku_code = ANY (%(sku_codes)s::text[]);

-- name: places
-- Of each SKU in each warehouse the places with most units, and how many there are in all. What is not on hand by itself.
SELECT warehouse_code, sku_code, place_code, quantity, place_count, units
  FROM (SELECT warehouse_code, sku_code, place_code, quantity,
               row_number() OVER (PARTITION BY warehouse_code, sku_code ORDER BY quantity DESC, place_code) AS rank,
               count(*) OVER (PARTITION BY warehouse_code, sku_code) AS place_count,
               (sum(quantity) OVER (PARTITION BY warehouse_code, sku_code))::bigint AS units
          FROM warehouse
          JOIN place_stock USING (warehouse_code)
         WHERE sku_code = ANY (%(sku_codes)s::text[])
           AND quantity > 0
           AND place_code <> ALL (%(not_on_hand)s::text[])) AS ranked
 WHERE rank <= greatest(1, %(limit)s)
 ORDER BY warehouse_code, sku_code, rank;

-- name: quarantine
SELECT warehouse_code, sku_code, quantity
  FROM warehouse
  JOIN place_stock USING (warehouse_code)
 WHERE sku_code = ANY (%(sku_codes)s::text[]) AND quantity > 0 AND place_code = %(place_code)s;

-- name: lots
-- Of each of these places the lots that expire first, and how many there are in all.
SELECT warehouse_code, sku_code, place_code, lot_code, quantity, expires_on, lot_count, units
  FROM (SELECT warehouse_code, sku_code, place_code, lot_code, quantity, expires_on,
               row_number() OVER (PARTITION BY warehouse_code, sku_code, place_code ORDER BY expires_on, lot_code)
                   AS rank,
               count(*) OVER (PARTITION BY warehouse_code, sku_code, place_code) AS lot_count,
               (sum(quantity) OVER (PARTITION BY warehouse_code, sku_code, place_code))::bigint AS units
          FROM lot_stock
          JOIN lot USING (sku_code, lot_code)
         WHERE (warehouse_code, sku_code, place_code) IN (
                   SELECT * FROM unnest(%(warehouse_codes)s::text[], %(sku_codes)s::text[], %(place_codes)s::text[])
               )
           AND quantity > 0) AS ranked
 WHERE rank <= %(limit)s
 ORDER BY warehouse_code, sku_code, place_code, rank;
