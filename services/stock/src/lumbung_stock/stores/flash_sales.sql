-- name: insert_sale
INSERT INTO flash_sale (flash_sale_code, title, state, channel_codes, start_time, end_time, actor)
VALUES (%(flash_sale_code)s, %(title)s, 1, %(channel_codes)s, %(start_time)s, %(end_time)s, %(actor)s);

-- name: insert_items
INSERT INTO flash_sale_item (flash_sale_code, sku_code, warehouse_code, quota, limit_per_customer)
SELECT %(flash_sale_code)s, * FROM unnest(
    %(sku_codes)s::text[], %(warehouse_codes)s::text[], %(quotas)s::bigint[], %(limits)s::bigint[]
);

-- name: find_sales
SELECT sale.flash_sale_code, title, state, channel_codes, start_time, end_time, epoch, gate_armed,
       (SELECT jsonb_agg(jsonb_build_array(sku_code, warehouse_code, quota, limit_per_customer, remaining, shipped,
                                           returned) ORDER BY sku_code)
          FROM flash_sale_item AS item
         WHERE item.flash_sale_code = sale.flash_sale_code) AS items
  FROM flash_sale AS sale
 WHERE sale.flash_sale_code = ANY (%(flash_sale_codes)s::text[]);

-- name: running_sales
SELECT flash_sale_code FROM flash_sale WHERE state IN (2, 3) ORDER BY flash_sale_code;

-- name: page_of_sales
SELECT flash_sale_code
  FROM flash_sale
 WHERE (%(state)s = 0 OR state = %(state)s)
   AND (%(before_time)s::timestamptz IS NULL
        OR (plan_time, flash_sale_code) < (%(before_time)s::timestamptz, %(before_code)s))
 ORDER BY plan_time DESC, flash_sale_code DESC
 LIMIT %(limit)s;

-- name: plan_time
SELECT plan_time FROM flash_sale WHERE flash_sale_code = %(flash_sale_code)s;

-- name: lock_sale
-- First in the lock order. The committer holds it for its batch, so that batches of one sale never interleave.
-- NO KEY: a row that refers to the sale (a credit, a refusal) is written under later locks, and its foreign key
-- must not wait for the sale's lock from there: whoever has that may be waiting for those.
SELECT state, epoch FROM flash_sale WHERE flash_sale_code = %(flash_sale_code)s FOR NO KEY UPDATE;

-- name: lock_items
SELECT flash_sale_code, sku_code, warehouse_code, quota, limit_per_customer, remaining, shipped, returned
  FROM lock_flash_sale_items(%(flash_sale_codes)s::text[], %(sku_codes)s::text[]);

-- name: change_items
UPDATE flash_sale_item AS item
   SET remaining = item.remaining + change.remaining,
       shipped = item.shipped + change.shipped,
       returned = item.returned + change.returned
  FROM unnest(
           %(flash_sale_codes)s::text[], %(sku_codes)s::text[], %(remaining)s::bigint[], %(shipped)s::bigint[],
           %(returned)s::bigint[]
       ) AS change (flash_sale_code, sku_code, remaining, shipped, returned)
 WHERE item.flash_sale_code = change.flash_sale_code AND item.sku_code = change.sku_code;

-- name: next_epoch
-- Every opening, recovery and closing begins here: whoever still works under the old epoch is fenced off.
UPDATE flash_sale
   SET epoch = epoch + 1, gate_armed = false, state = coalesce(%(state)s, state)
 WHERE flash_sale_code = %(flash_sale_code)s
RETURNING epoch;

-- name: set_state
UPDATE flash_sale SET state = %(state)s WHERE flash_sale_code = %(flash_sale_code)s;

-- name: set_armed
UPDATE flash_sale SET gate_armed = true
 WHERE flash_sale_code = %(flash_sale_code)s AND epoch = %(epoch)s AND state = 2;

-- name: insert_credits
INSERT INTO flash_credit (flash_sale_code, reservation_id, kept)
SELECT flash_sale_code, reservation_id, kept::jsonb
  FROM unnest(%(flash_sale_codes)s::text[], %(reservation_ids)s::uuid[], %(kept)s::text[])
           AS due (flash_sale_code, reservation_id, kept);

-- name: due_credits
-- Those of a gate that is being set up wait for it, and no other sale's wait behind them.
SELECT credit_id, flash_sale_code, reservation_id, coalesce(kept, '{}') AS kept
  FROM flash_credit JOIN flash_sale USING (flash_sale_code)
 WHERE gate_armed OR state = 4
 ORDER BY credit_id
 LIMIT %(limit)s;

-- name: delete_credits
DELETE FROM flash_credit WHERE credit_id = ANY (%(credit_ids)s::bigint[]);

-- name: count_credits
SELECT count(*) FROM flash_credit WHERE flash_sale_code = %(flash_sale_code)s;

-- name: park
INSERT INTO journal_dead_letter (flash_sale_code, reservation_id, entry, error)
VALUES (%(flash_sale_code)s, %(reservation_id)s, %(entry)s::jsonb, %(error)s);

-- name: units_by_state
SELECT draw.sku_code, reservation.state, sum(draw.quantity)
  FROM reservation JOIN reservation_draw AS draw USING (reservation_id)
 WHERE reservation.flash_sale_code = %(flash_sale_code)s
   AND draw.sku_code IN (SELECT sku_code FROM flash_sale_item WHERE flash_sale_code = %(flash_sale_code)s)
   AND reservation.state IN (1, 2) AND NOT draw.shipped
 GROUP BY 1, 2;

-- name: answers
SELECT coalesce(refusal ->> 'reason', 'HELD') AS reason, channel_code, count(*) AS count
  FROM reservation
 WHERE flash_sale_code = %(flash_sale_code)s
 GROUP BY 1, 2
 ORDER BY 1, 2;
