-- name: places
-- Where these SKUs are, or ever were, in the house. Whatever arrives changes what is on hand, or goes to QUARANTINE.
SELECT place_code, sku_code
  FROM place_stock
 WHERE warehouse_code = %(warehouse_code)s AND sku_code = ANY (%(sku_codes)s::text[])
 UNION
SELECT side.place_code, sku_code
  FROM ledger_entry
 CROSS JOIN LATERAL (VALUES (from_place), (to_place)) AS side (place_code)
 WHERE warehouse_code = %(warehouse_code)s AND sku_code = ANY (%(sku_codes)s::text[])
   AND side.place_code <> ALL (%(outside)s::text[])
 UNION
SELECT %(quarantine)s, unnest(%(sku_codes)s::text[]);

-- name: differences
-- As the audit's, of these SKUs alone.
WITH recomputed_place AS (
    SELECT entry.sku_code, side.place_code, sum(side.units)::bigint AS quantity
      FROM ledger_entry AS entry
     CROSS JOIN LATERAL (VALUES (to_place, quantity), (from_place, -quantity)) AS side (place_code, units)
     WHERE warehouse_code = %(warehouse_code)s
       AND sku_code = ANY (%(sku_codes)s::text[])
       AND side.place_code <> ALL (%(outside)s::text[])
     GROUP BY entry.sku_code, side.place_code
), recomputed_level AS (
    SELECT sku_code, sum(quantity)::bigint AS quantity
      FROM recomputed_place
     WHERE place_code <> ALL (%(not_on_hand)s::text[])
     GROUP BY sku_code
), stored_place AS (
    SELECT sku_code, place_code, quantity
      FROM place_stock
     WHERE warehouse_code = %(warehouse_code)s AND sku_code = ANY (%(sku_codes)s::text[])
), stored_level AS (
    SELECT sku_code, on_hand
      FROM level
     WHERE warehouse_code = %(warehouse_code)s AND sku_code = ANY (%(sku_codes)s::text[])
), compared AS (
    SELECT sku_code, place_code, coalesce(stored_place.quantity, 0) AS stored_quantity,
           coalesce(recomputed_place.quantity, 0) AS ledger_quantity
      FROM stored_place
      FULL JOIN recomputed_place USING (sku_code, place_code)
    UNION ALL
    SELECT sku_code, '', coalesce(on_hand, 0), coalesce(recomputed_level.quantity, 0)
      FROM stored_level
      FULL JOIN recomputed_level USING (sku_code)
)
SELECT %(warehouse_code)s::text, sku_code, place_code, stored_quantity, ledger_quantity
  FROM compared
 WHERE stored_quantity <> ledger_quantity
 ORDER BY sku_code, place_code;

-- name: note
INSERT INTO rebuilt_figure (
    warehouse_code, sku_code, place_code, lot_code, of_expired, quantity_before, quantity, reason, actor,
    request_id
)
SELECT %(warehouse_code)s, sku_code, place_code, lot_code, of_expired, quantity_before, quantity, %(reason)s, %(actor)s,
       %(request_id)s
  FROM unnest(
           %(sku_codes)s::text[], %(place_codes)s::text[], %(lot_codes)s::text[], %(of_expired)s::boolean[],
           %(before)s::bigint[], %(quantities)s::bigint[]
       ) AS figure (sku_code, place_code, lot_code, of_expired, quantity_before, quantity);
