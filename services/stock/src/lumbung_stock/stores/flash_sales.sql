-- name: insert_sale
INSERT INTO flash_sale (flash_sale_code, title, state, channel_codes, start_time, end_time, pool_count, actor)
VALUES (%(flash_sale_code)s, %(title)s, 1, %(channel_codes)s, %(start_time)s, %(end_time)s, %(pool_count)s, %(actor)s);

-- name: insert_pools
INSERT INTO flash_sale (
    flash_sale_code, parent_code, title, state, channel_codes, start_time, end_time, plan_time, actor
)
SELECT pool.code, flash_sale_code, title, state, channel_codes, start_time, end_time, plan_time, actor
  FROM flash_sale
 CROSS JOIN unnest(%(pool_codes)s::text[]) AS pool (code)
 WHERE flash_sale_code = %(flash_sale_code)s;

-- name: insert_items
INSERT INTO flash_sale_item (flash_sale_code, sku_code, warehouse_code, quota, limit_per_customer)
SELECT * FROM unnest(
    %(flash_sale_codes)s::text[], %(sku_codes)s::text[], %(warehouse_codes)s::text[], %(quotas)s::bigint[],
    %(limits)s::bigint[]
);

-- name: find_sales
-- With their pools, which come behind them: a pool's code begins with its sale's.
SELECT sale.flash_sale_code, parent_code, title, state, channel_codes, start_time, end_time, epoch, gate_armed,
       pool_count, halted_since, on_postgres_since, admission_order, demand_multiple, admission_s, lottery_window_s,
       secret, lottery_seed, awake, drawn,
       (SELECT jsonb_agg(jsonb_build_array(sku_code, warehouse_code, quota, limit_per_customer, remaining, shipped,
                                           returned) ORDER BY sku_code)
          FROM flash_sale_item AS item
         WHERE item.flash_sale_code = sale.flash_sale_code) AS items
  FROM flash_sale AS sale
  LEFT JOIN waiting_room USING (flash_sale_code)
 WHERE sale.flash_sale_code = ANY (%(flash_sale_codes)s::text[])
    OR sale.parent_code = ANY (%(flash_sale_codes)s::text[])
 ORDER BY sale.flash_sale_code;

-- name: running_sales
-- Those that have a gate: a sale with pools has none of its own. One that is halted waits for a person.
SELECT flash_sale_code
  FROM flash_sale AS sale
 WHERE (state = 3 OR (state = 2 AND halted_since IS NULL))
   AND NOT EXISTS (SELECT FROM flash_sale AS pool WHERE pool.parent_code = sale.flash_sale_code)
 ORDER BY flash_sale_code;

-- name: ended_sales
-- But not a halted one: what it would give back may be somebody's.
SELECT flash_sale_code
  FROM flash_sale
 WHERE state = 2 AND parent_code IS NULL AND halted_since IS NULL AND end_time <= statement_timestamp()
 ORDER BY end_time, flash_sale_code;

-- name: page_of_sales
SELECT flash_sale_code
  FROM flash_sale
 WHERE parent_code IS NULL
   AND (%(state)s = 0 OR state = %(state)s)
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

-- name: lock_family
-- A sale with its pools, or a pool with its sale, in the order of their codes.
SELECT flash_sale_code, state, epoch
  FROM lock_flash_sales(ARRAY(
           SELECT flash_sale_code FROM flash_sale
            WHERE flash_sale_code = %(flash_sale_code)s OR parent_code = %(flash_sale_code)s
       ));

-- name: lock_sales
SELECT flash_sale_code, state, epoch FROM lock_flash_sales(%(flash_sale_codes)s::text[]);

-- name: lock_without_gate
-- Of a sale with its pools all rows are locked; those that Postgres serves are returned.
SELECT flash_sale_code
  FROM lock_flash_sales(ARRAY(
           SELECT flash_sale_code FROM flash_sale
            WHERE flash_sale_code = %(flash_sale_code)s OR parent_code = %(flash_sale_code)s
       ))
 WHERE state = 2 AND halted_since IS NULL AND on_postgres_since IS NOT NULL;

-- name: go_without_gate
-- From its gate to Postgres by a new epoch, which fences off whoever still works with the gate; from then on only the
-- time is noted.
UPDATE flash_sale
   SET epoch = epoch + (on_postgres_since IS NULL)::int,
       gate_armed = false,
       on_postgres_since = coalesce(on_postgres_since, statement_timestamp()),
       gate_missed_time = statement_timestamp()
 WHERE flash_sale_code = %(flash_sale_code)s
   AND state = 2
   AND halted_since IS NULL
   AND (on_postgres_since IS NOT NULL OR epoch = %(seen_epoch)s)
RETURNING (on_postgres_since = gate_missed_time)::int;

-- name: gate_missed_within
SELECT count(*)
  FROM flash_sale
 WHERE flash_sale_code = %(flash_sale_code)s
   AND gate_missed_time > clock_timestamp() - make_interval(secs => %(seconds)s);

-- name: go_back_to_gate
UPDATE flash_sale SET on_postgres_since = NULL
 WHERE flash_sale_code = %(flash_sale_code)s AND on_postgres_since IS NOT NULL;

-- name: limited_skus
-- Of one pool, with all pools of its sale: neither ever changes.
SELECT ARRAY(SELECT flash_sale_code FROM flash_sale WHERE parent_code = %(shown_code)s ORDER BY flash_sale_code),
       (SELECT coalesce(jsonb_object_agg(sku_code, limit_per_customer), '{}')
          FROM flash_sale_item
         WHERE flash_sale_code = %(flash_sale_code)s AND limit_per_customer > 0);

-- name: bought
-- Of the limited SKUs. The index reservation_by_customer_of_sale answers this; its condition must be repeated. Where
-- nothing is limited, the first condition is all that is looked at.
SELECT customer_reference, draw.sku_code, sum(draw.quantity)::bigint
  FROM reservation
  JOIN reservation_draw AS draw USING (reservation_id)
 WHERE EXISTS (SELECT FROM flash_sale_item
                WHERE flash_sale_code = ANY (%(flash_sale_codes)s::text[]) AND limit_per_customer > 0)
   AND customer_reference = ANY (%(customers)s::text[]) AND customer_reference <> ''
   AND flash_sale_code = ANY (%(flash_sale_codes)s::text[]) AND flash_sale_code IS NOT NULL
   AND state IN (1, 2, 6)
   AND draw.sku_code = ANY (%(sku_codes)s::text[])
 GROUP BY 1, 2;

-- name: lock_items
SELECT flash_sale_code, sku_code, warehouse_code, quota, limit_per_customer, remaining, shipped, returned
  FROM lock_flash_sale_items(%(flash_sale_codes)s::text[], %(sku_codes)s::text[]);

-- name: change_items
UPDATE flash_sale_item AS item
   SET quota = item.quota + change.quota,
       remaining = item.remaining + change.remaining,
       shipped = item.shipped + change.shipped,
       returned = item.returned + change.returned
  FROM unnest(
           %(flash_sale_codes)s::text[], %(sku_codes)s::text[], %(quota)s::bigint[], %(remaining)s::bigint[],
           %(shipped)s::bigint[], %(returned)s::bigint[]
       ) AS change (flash_sale_code, sku_code, quota, remaining, shipped, returned)
 WHERE item.flash_sale_code = change.flash_sale_code AND item.sku_code = change.sku_code;

-- name: next_epoch
-- Every opening, recovery and closing begins here: whoever still works under the old epoch is fenced off.
UPDATE flash_sale
   SET epoch = epoch + 1, gate_armed = false, state = coalesce(%(state)s, state)
 WHERE flash_sale_code = %(flash_sale_code)s
RETURNING epoch;

-- name: halt_open
-- Under new epochs, so that nobody commits what is taken meanwhile.
UPDATE flash_sale AS sale
   SET halted_since = statement_timestamp(), epoch = sale.epoch + 1, gate_armed = false, on_postgres_since = NULL
  FROM lock_flash_sales(ARRAY(SELECT flash_sale_code FROM flash_sale WHERE state = 2 AND halted_since IS NULL)) AS open
 WHERE sale.flash_sale_code = open.flash_sale_code AND open.state = 2 AND open.halted_since IS NULL
RETURNING sale.flash_sale_code, sale.epoch;

-- name: resume
UPDATE flash_sale SET halted_since = NULL
 WHERE flash_sale_code = %(flash_sale_code)s OR parent_code = %(flash_sale_code)s;

-- name: close_sale
-- Postgres has it closed; whoever did that, or whoever watches, removes what Valkey has of it.
UPDATE flash_sale SET state = 4, gate_left = true, halted_since = NULL, on_postgres_since = NULL
 WHERE flash_sale_code = %(flash_sale_code)s;

-- name: gates_left
SELECT flash_sale_code FROM flash_sale WHERE gate_left ORDER BY flash_sale_code LIMIT %(limit)s;

-- name: note_removed
UPDATE flash_sale SET gate_left = false WHERE flash_sale_code = %(flash_sale_code)s AND gate_left;

-- name: close_parent
-- A sale is closed with the last of its pools.
UPDATE flash_sale SET state = 4, halted_since = NULL
 WHERE flash_sale_code = %(flash_sale_code)s
   AND NOT EXISTS (SELECT FROM flash_sale AS pool WHERE pool.parent_code = %(flash_sale_code)s AND pool.state <> 4);

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

-- name: standing
-- One statement: all of one instant.
SELECT (SELECT coalesce(jsonb_object_agg(sku_code, remaining), '{}')
          FROM flash_sale_item
         WHERE flash_sale_code = %(flash_sale_code)s) AS remaining,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(reservation_id, coalesce(kept, '{}')) ORDER BY credit_id), '[]')
          FROM flash_credit
         WHERE flash_sale_code = %(flash_sale_code)s) AS credits,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(extension_id, sku_code, quantity) ORDER BY extension_id), '[]')
          FROM flash_sale_extension
         WHERE flash_sale_code = %(flash_sale_code)s AND NOT told) AS additions,
       ARRAY(SELECT reservation_id FROM reservation WHERE reservation_id = ANY (%(hold_ids)s::uuid[])) AS known;

-- name: insert_extensions
INSERT INTO flash_sale_extension (extension_id, flash_sale_code, sku_code, quantity, actor)
SELECT extension_id, flash_sale_code, sku_code, quantity, %(actor)s
  FROM unnest(%(extension_ids)s::uuid[], %(flash_sale_codes)s::text[], %(sku_codes)s::text[], %(quantities)s::bigint[])
           AS new (extension_id, flash_sale_code, sku_code, quantity);

-- name: due_extensions
-- With the epoch that they were untold under, in one statement: a recovery begins another, and takes them along.
SELECT extension_id, flash_sale_code, epoch, sku_code, quantity
  FROM flash_sale_extension JOIN flash_sale USING (flash_sale_code)
 WHERE NOT told AND gate_armed
 ORDER BY extend_time
 LIMIT %(limit)s;

-- name: note_told
UPDATE flash_sale_extension SET told = true WHERE extension_id = ANY (%(extension_ids)s::uuid[]);

-- name: note_all_told
UPDATE flash_sale_extension SET told = true WHERE flash_sale_code = %(flash_sale_code)s AND NOT told;

-- name: park
INSERT INTO journal_dead_letter (flash_sale_code, reservation_id, entry, error)
VALUES (%(flash_sale_code)s, %(reservation_id)s, %(entry)s::jsonb, %(error)s);

-- name: is_parked
SELECT count(*) FROM journal_dead_letter WHERE reservation_id = %(hold_id)s;

-- name: units_by_state
-- Of a sale, its pools taken together.
SELECT item.warehouse_code, item.sku_code, reservation.state, sum(draw.quantity)
  FROM flash_sale AS sale
  JOIN flash_sale_item AS item ON item.flash_sale_code = sale.flash_sale_code
  JOIN reservation ON reservation.flash_sale_code = sale.flash_sale_code AND reservation.state IN (1, 2)
  JOIN reservation_draw AS draw
    ON draw.reservation_id = reservation.reservation_id
   AND draw.warehouse_code = item.warehouse_code
   AND draw.sku_code = item.sku_code
   AND NOT draw.shipped
 WHERE sale.flash_sale_code = %(flash_sale_code)s OR sale.parent_code = %(flash_sale_code)s
 GROUP BY 1, 2, 3;

-- name: answers
SELECT coalesce(refusal ->> 'reason', 'HELD') AS reason, channel_code, count(*) AS count
  FROM flash_sale AS sale
  JOIN reservation ON reservation.flash_sale_code = sale.flash_sale_code
 WHERE sale.flash_sale_code = %(flash_sale_code)s OR sale.parent_code = %(flash_sale_code)s
 GROUP BY 1, 2
 ORDER BY 1, 2;
