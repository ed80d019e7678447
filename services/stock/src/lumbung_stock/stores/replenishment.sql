-- name: set
-- The level must be locked by the caller.
UPDATE level
   SET safety_stock = %(safety_stock)s, reorder_point = %(reorder_point)s, reorder_quantity = %(reorder_quantity)s
 WHERE warehouse_code = %(warehouse_code)s AND sku_code = %(sku_code)s;
