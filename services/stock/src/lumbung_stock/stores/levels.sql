-- name: ensure_levels
-- A level exists from a SKU's first movement on.
INSERT INTO level (warehouse_code, sku_code)
SELECT * FROM unnest(%(warehouse_codes)s::text[], %(sku_codes)s::text[])
ON CONFLICT DO NOTHING;

-- name: lock_levels
SELECT warehouse_code, sku_code, on_hand, held, sold, escrow, safety_stock, reorder_point, reorder_quantity, shortfall,
       expired
  FROM lock_levels(%(warehouse_codes)s::text[], %(sku_codes)s::text[]);

-- name: change_levels
-- Promises: a shortfall may shrink here but never grow, so that level_never_oversold stops a promise
-- that the code should not have made.
UPDATE level
   SET on_hand = level.on_hand + change.on_hand,
       held = level.held + change.held,
       sold = level.sold + change.sold,
       escrow = level.escrow + change.escrow,
       expired = level.expired + change.expired,
       shortfall = least(
           level.shortfall,
           greatest(0, level.held + change.held + level.sold + change.sold + level.escrow + change.escrow
                       + level.expired + change.expired - level.on_hand - change.on_hand)
       )
  FROM unnest(
           %(warehouse_codes)s::text[], %(sku_codes)s::text[],
           %(on_hand)s::bigint[], %(held)s::bigint[], %(sold)s::bigint[], %(escrow)s::bigint[],
           %(expired)s::bigint[]
       ) AS change (warehouse_code, sku_code, on_hand, held, sold, escrow, expired)
 WHERE level.warehouse_code = change.warehouse_code
   AND level.sku_code = change.sku_code;

-- name: accept_reality
-- Reality wins: what is promised beyond what there is becomes a shortfall.
UPDATE level
   SET on_hand = level.on_hand + change.on_hand,
       held = level.held + change.held,
       sold = level.sold + change.sold,
       escrow = level.escrow + change.escrow,
       expired = level.expired + change.expired,
       shortfall = greatest(
           0,
           level.held + change.held + level.sold + change.sold + level.escrow + change.escrow
           + level.expired + change.expired - level.on_hand - change.on_hand
       )
  FROM unnest(
           %(warehouse_codes)s::text[], %(sku_codes)s::text[],
           %(on_hand)s::bigint[], %(held)s::bigint[], %(sold)s::bigint[], %(escrow)s::bigint[],
           %(expired)s::bigint[]
       ) AS change (warehouse_code, sku_code, on_hand, held, sold, escrow, expired)
 WHERE level.warehouse_code = change.warehouse_code
   AND level.sku_code = change.sku_code
RETURNING level.warehouse_code, level.sku_code, level.on_hand, level.held, level.sold, level.escrow,
          level.safety_stock, level.reorder_point, level.reorder_quantity, level.shortfall, level.expired;
