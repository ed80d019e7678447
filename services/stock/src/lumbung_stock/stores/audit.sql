-- name: one_snapshot
-- For reads of several statements that must agree with each other.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: counts
SELECT (SELECT count(*) FROM ledger_entry
         WHERE %(warehouse_code)s::text = '' OR warehouse_code = %(warehouse_code)s),
       (SELECT count(*) FROM place_stock WHERE %(warehouse_code)s = '' OR warehouse_code = %(warehouse_code)s)
       + (SELECT count(*) FROM level WHERE %(warehouse_code)s = '' OR warehouse_code = %(warehouse_code)s);

-- name: differences
-- Every place and level of a slice of keys recomputed from nothing but the ledger, and laid beside what is stored,
-- both ways round.
WITH flow AS (
    SELECT warehouse_code, sku_code, to_place AS place_code, quantity
      FROM ledger_entry
     WHERE (%(warehouse_code)s::text = '' OR warehouse_code = %(warehouse_code)s)
       AND (warehouse_code, sku_code) > (%(after_warehouse)s::text, %(after_sku)s::text)
       AND (warehouse_code, sku_code) <= (%(through_warehouse)s::text, %(through_sku)s::text)
    UNION ALL
    SELECT warehouse_code, sku_code, from_place, -quantity
      FROM ledger_entry
     WHERE (%(warehouse_code)s = '' OR warehouse_code = %(warehouse_code)s)
       AND (warehouse_code, sku_code) > (%(after_warehouse)s, %(after_sku)s)
       AND (warehouse_code, sku_code) <= (%(through_warehouse)s, %(through_sku)s)
), recomputed_place AS (
    SELECT warehouse_code, sku_code, place_code, sum(quantity)::bigint AS quantity
      FROM flow
     WHERE place_code <> ALL (%(outside)s::text[])
     GROUP BY warehouse_code, sku_code, place_code
), recomputed_level AS (
    SELECT warehouse_code, sku_code, sum(quantity)::bigint AS quantity
      FROM recomputed_place
     WHERE place_code <> ALL (%(not_on_hand)s::text[])
     GROUP BY warehouse_code, sku_code
), stored_place AS (
    SELECT * FROM place_stock
     WHERE (%(warehouse_code)s = '' OR warehouse_code = %(warehouse_code)s)
       AND (warehouse_code, sku_code) > (%(after_warehouse)s, %(after_sku)s)
       AND (warehouse_code, sku_code) <= (%(through_warehouse)s, %(through_sku)s)
), stored_level AS (
    SELECT * FROM level
     WHERE (%(warehouse_code)s = '' OR warehouse_code = %(warehouse_code)s)
       AND (warehouse_code, sku_code) > (%(after_warehouse)s, %(after_sku)s)
       AND (warehouse_code, sku_code) <= (%(through_warehouse)s, %(through_sku)s)
), compared AS (
    SELECT warehouse_code, sku_code, place_code,
           coalesce(stored_place.quantity, 0) AS stored_quantity,
           coalesce(recomputed_place.quantity, 0) AS ledger_quantity
      FROM stored_place
      FULL JOIN recomputed_place USING (warehouse_code, sku_code, place_code)
    UNION ALL
    SELECT warehouse_code, sku_code, '', coalesce(on_hand, 0), coalesce(recomputed_level.quantity, 0)
      FROM stored_level
      FULL JOIN recomputed_level USING (warehouse_code, sku_code)
)
SELECT warehouse_code, sku_code, place_code, stored_quantity, ledger_quantity
  FROM compared
 WHERE stored_quantity <> ledger_quantity
 ORDER BY warehouse_code, sku_code, place_code
 LIMIT %(limit)s;

-- name: transit_differences
-- What each warehouse has sent and not yet received, by the ledger and by the lines of the transfers. Over all warehouses
-- the sum is what is on its way.
WITH flow AS (
    SELECT warehouse_code, sku_code,
           sum(CASE WHEN to_place = 'TRANSIT' THEN quantity ELSE -quantity END)::bigint AS quantity
      FROM ledger_entry
     WHERE (from_place = 'TRANSIT' OR to_place = 'TRANSIT')
       AND (%(warehouse_code)s::text = '' OR warehouse_code = %(warehouse_code)s)
       AND (warehouse_code, sku_code) > (%(after_warehouse)s::text, %(after_sku)s::text)
       AND (warehouse_code, sku_code) <= (%(through_warehouse)s::text, %(through_sku)s::text)
     GROUP BY warehouse_code, sku_code
), counted AS (
    SELECT from_warehouse_code AS warehouse_code, sku_code, sent_quantity AS quantity
      FROM transfer_line
     WHERE (%(warehouse_code)s = '' OR from_warehouse_code = %(warehouse_code)s)
       AND (from_warehouse_code, sku_code) > (%(after_warehouse)s, %(after_sku)s)
       AND (from_warehouse_code, sku_code) <= (%(through_warehouse)s, %(through_sku)s)
    UNION ALL
    SELECT to_warehouse_code, sku_code, -(received_quantity + lost_quantity)
      FROM transfer_line
     WHERE (%(warehouse_code)s = '' OR to_warehouse_code = %(warehouse_code)s)
       AND (to_warehouse_code, sku_code) > (%(after_warehouse)s, %(after_sku)s)
       AND (to_warehouse_code, sku_code) <= (%(through_warehouse)s, %(through_sku)s)
), stored AS (
    SELECT warehouse_code, sku_code, sum(quantity)::bigint AS quantity
      FROM counted
     GROUP BY warehouse_code, sku_code
)
SELECT warehouse_code, sku_code, 'TRANSIT', coalesce(stored.quantity, 0), coalesce(flow.quantity, 0)
  FROM stored
  FULL JOIN flow USING (warehouse_code, sku_code)
 WHERE coalesce(stored.quantity, 0) <> coalesce(flow.quantity, 0)
 ORDER BY warehouse_code, sku_code
 LIMIT %(limit)s;

-- name: promises
-- One statement, one snapshot. Every promised unit is looked for in the reservations, not in the figures themselves.
-- When a sale closes, its draws leave the escrow and become ordinary promises, but stay the item's units.
WITH open_draw AS (
    SELECT draw.warehouse_code, draw.sku_code, draw.quantity, draw.from_escrow, reservation.state,
           reservation.flash_sale_code
      FROM reservation
      JOIN reservation_draw AS draw USING (reservation_id)
     WHERE reservation.state IN (1, 2) AND NOT draw.shipped
), promised AS (
    SELECT warehouse_code, sku_code,
           coalesce(sum(quantity) FILTER (WHERE state = 1), 0) AS held,
           coalesce(sum(quantity) FILTER (WHERE state = 2), 0) AS sold
      FROM open_draw
     WHERE NOT from_escrow
     GROUP BY warehouse_code, sku_code
), set_aside AS (
    SELECT warehouse_code, sku_code, sum(quota - shipped - returned) AS escrow
      FROM flash_sale_item
      JOIN flash_sale USING (flash_sale_code)
     WHERE flash_sale.state IN (2, 3)
     GROUP BY warehouse_code, sku_code
), taken AS (
    SELECT open_draw.flash_sale_code, warehouse_code, sku_code, sum(quantity) AS quantity
      FROM open_draw
      JOIN flash_sale USING (flash_sale_code)
     WHERE from_escrow OR flash_sale.state = 4
     GROUP BY open_draw.flash_sale_code, warehouse_code, sku_code
), item AS (
    SELECT quota, remaining + shipped + returned + coalesce(taken.quantity, 0) AS accounted
      FROM flash_sale_item
      JOIN flash_sale USING (flash_sale_code)
      LEFT JOIN taken USING (flash_sale_code, warehouse_code, sku_code)
     WHERE flash_sale.state > 1
), level_sums AS (
    SELECT sum(greatest(0, held + sold + escrow + expired - on_hand - shortfall)) AS oversold, sum(shortfall) AS shortfall
      FROM level
), level_gaps AS (
    SELECT sum(abs(coalesce(level.held, 0) - coalesce(promised.held, 0))
               + abs(coalesce(level.sold, 0) - coalesce(promised.sold, 0))
               + abs(coalesce(level.escrow, 0) - coalesce(set_aside.escrow, 0))) AS units
      FROM level
      FULL JOIN promised USING (warehouse_code, sku_code)
      FULL JOIN set_aside USING (warehouse_code, sku_code)
), item_sums AS (
    SELECT sum(greatest(0, accounted - quota)) AS oversold, sum(abs(quota - accounted)) AS gap FROM item
)
SELECT (coalesce(level_sums.oversold, 0) + coalesce(item_sums.oversold, 0))::bigint AS oversold_units,
       (coalesce(level_gaps.units, 0) + coalesce(item_sums.gap, 0))::bigint AS conservation_gap_units,
       (SELECT count(*) FROM reservation
         WHERE state = 1 AND expire_time < statement_timestamp() - make_interval(secs => %(leaked_after_s)s))
           AS leaked_holds,
       coalesce(level_sums.shortfall, 0)::bigint AS shortfall_units,
       statement_timestamp() AS read_time
  FROM level_sums, level_gaps, item_sums;

-- name: slice_end
-- The key of the level with which a slice ends, or the last key of all that has units, if fewer levels are left. So
-- slices cover every key, also one that has no level.
SELECT warehouse_code, sku_code
  FROM (
       (SELECT 1 AS choice, warehouse_code, sku_code
          FROM level
         WHERE (warehouse_code, sku_code) > (%(after_warehouse)s::text, %(after_sku)s::text)
         ORDER BY warehouse_code, sku_code
        OFFSET %(size)s - 1
         LIMIT 1)
       UNION ALL
       (SELECT 2, warehouse_code, sku_code FROM level ORDER BY warehouse_code DESC, sku_code DESC LIMIT 1)
       UNION ALL
       (SELECT 2, warehouse_code, sku_code FROM place_stock ORDER BY warehouse_code DESC, sku_code DESC LIMIT 1)
       UNION ALL
       (SELECT 2, warehouse_code, sku_code FROM ledger_entry ORDER BY warehouse_code DESC, sku_code DESC LIMIT 1)
       UNION ALL
       (SELECT 2, warehouse_code, sku_code FROM reservation_draw ORDER BY warehouse_code DESC, sku_code DESC LIMIT 1)
       UNION ALL
       (SELECT 2, warehouse_code, sku_code FROM flash_sale_item ORDER BY warehouse_code DESC, sku_code DESC LIMIT 1)
       ) AS ending
 WHERE (warehouse_code, sku_code) > (%(after_warehouse)s, %(after_sku)s)
 ORDER BY choice, warehouse_code DESC, sku_code DESC
 LIMIT 1;

-- name: broken_promises
-- The same questions as `promises` asks, of one slice, with the keys of what is wrong. One statement, one snapshot.
WITH open_draw AS (
    SELECT draw.warehouse_code, draw.sku_code, draw.quantity, draw.from_escrow, reservation.state,
           reservation.flash_sale_code
      FROM reservation_draw AS draw
      JOIN reservation USING (reservation_id)
     WHERE (draw.warehouse_code, draw.sku_code) > (%(after_warehouse)s::text, %(after_sku)s::text)
       AND (draw.warehouse_code, draw.sku_code) <= (%(through_warehouse)s::text, %(through_sku)s::text)
       AND reservation.state IN (1, 2) AND NOT draw.shipped
), stored AS (
    SELECT * FROM level
     WHERE (warehouse_code, sku_code) > (%(after_warehouse)s, %(after_sku)s)
       AND (warehouse_code, sku_code) <= (%(through_warehouse)s, %(through_sku)s)
), item AS (
    SELECT flash_sale_code, warehouse_code, sku_code, flash_sale.state, quota, remaining, shipped, returned
      FROM flash_sale_item
      JOIN flash_sale USING (flash_sale_code)
     WHERE (warehouse_code, sku_code) > (%(after_warehouse)s, %(after_sku)s)
       AND (warehouse_code, sku_code) <= (%(through_warehouse)s, %(through_sku)s)
       AND flash_sale.state > 1
), promised AS (
    SELECT warehouse_code, sku_code,
           coalesce(sum(quantity) FILTER (WHERE state = 1), 0) AS held,
           coalesce(sum(quantity) FILTER (WHERE state = 2), 0) AS sold
      FROM open_draw
     WHERE NOT from_escrow
     GROUP BY warehouse_code, sku_code
), set_aside AS (
    SELECT warehouse_code, sku_code, sum(quota - shipped - returned) AS escrow
      FROM item
     WHERE state IN (2, 3)
     GROUP BY warehouse_code, sku_code
), taken AS (
    SELECT open_draw.flash_sale_code, warehouse_code, sku_code, sum(quantity) AS quantity
      FROM open_draw
      JOIN flash_sale USING (flash_sale_code)
     WHERE from_escrow OR flash_sale.state = 4
     GROUP BY open_draw.flash_sale_code, warehouse_code, sku_code
), in_places AS (
    SELECT warehouse_code, sku_code, sum(quantity) AS quantity
      FROM place_stock
     WHERE (warehouse_code, sku_code) > (%(after_warehouse)s, %(after_sku)s)
       AND (warehouse_code, sku_code) <= (%(through_warehouse)s, %(through_sku)s)
       AND place_code <> ALL (%(not_on_hand)s::text[])
     GROUP BY warehouse_code, sku_code
), compared (kind, flash_sale_code, warehouse_code, sku_code, stored_quantity, true_quantity) AS (
    SELECT 'held', '', warehouse_code, sku_code, coalesce(stored.held, 0), coalesce(promised.held, 0)
      FROM stored FULL JOIN promised USING (warehouse_code, sku_code)
    UNION ALL
    SELECT 'sold', '', warehouse_code, sku_code, coalesce(stored.sold, 0), coalesce(promised.sold, 0)
      FROM stored FULL JOIN promised USING (warehouse_code, sku_code)
    UNION ALL
    SELECT 'escrow', '', warehouse_code, sku_code, coalesce(stored.escrow, 0), coalesce(set_aside.escrow, 0)
      FROM stored FULL JOIN set_aside USING (warehouse_code, sku_code)
    UNION ALL
    SELECT 'places', '', warehouse_code, sku_code, coalesce(stored.on_hand, 0), coalesce(in_places.quantity, 0)
      FROM stored FULL JOIN in_places USING (warehouse_code, sku_code)
    UNION ALL
    SELECT 'quota', flash_sale_code, warehouse_code, sku_code, quota,
           remaining + shipped + returned + coalesce(taken.quantity, 0)
      FROM item LEFT JOIN taken USING (flash_sale_code, warehouse_code, sku_code)
    UNION ALL
    SELECT 'oversold', '', warehouse_code, sku_code, greatest(on_hand + shortfall, held + sold + escrow + expired),
           on_hand + shortfall
      FROM stored
    UNION ALL
    SELECT 'oversold', flash_sale_code, warehouse_code, sku_code,
           greatest(quota, remaining + shipped + returned + coalesce(taken.quantity, 0)), quota
      FROM item LEFT JOIN taken USING (flash_sale_code, warehouse_code, sku_code)
)
SELECT kind, flash_sale_code, warehouse_code, sku_code, stored_quantity::bigint, true_quantity::bigint
  FROM compared
 WHERE stored_quantity <> true_quantity
 ORDER BY kind, flash_sale_code, warehouse_code, sku_code
 LIMIT %(limit)s;

-- name: leaked_holds
-- Holds long past their deadline that nothing has expired, the oldest first.
SELECT reservation_id, coalesce(flash_sale_code, '')
  FROM reservation
 WHERE state = 1 AND expire_time < statement_timestamp() - make_interval(secs => %(leaked_after_s)s)
 ORDER BY expire_time
 LIMIT %(limit)s;
