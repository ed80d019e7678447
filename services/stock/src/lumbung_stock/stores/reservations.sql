-- name: find_by_request
SELECT reservation.*,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(warehouse_code, sku_code, quantity, from_escrow, picked, returned,
                                                    shipped OR reservation.state = 6, left_escrow, replaced)
                                  ORDER BY warehouse_code, sku_code), '[]')
          FROM reservation_draw AS draw
         WHERE draw.reservation_id = reservation.reservation_id) AS draws
  FROM reservation
 WHERE request_id = ANY (%(request_ids)s::text[]);

-- name: find_by_id
SELECT reservation.*,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(warehouse_code, sku_code, quantity, from_escrow, picked, returned,
                                                    shipped OR reservation.state = 6, left_escrow, replaced)
                                  ORDER BY warehouse_code, sku_code), '[]')
          FROM reservation_draw AS draw
         WHERE draw.reservation_id = reservation.reservation_id) AS draws
  FROM reservation
 WHERE reservation_id = ANY (%(reservation_ids)s::uuid[]);

-- name: lock
-- Row locks first; the draws are read in a statement of their own, so that they are as of after the lock.
SELECT reservation_id FROM lock_reservations(%(reservation_ids)s::uuid[]);

-- name: find_due
-- Holds whose deadline has passed, by Postgres' clock alone.
-- The statement's time, not clock_timestamp(): that one is another for every row, and no index can answer it.
SELECT reservation_id
  FROM reservation
 WHERE state = 1 AND expire_time <= statement_timestamp()
 ORDER BY expire_time
 LIMIT %(limit)s;

-- name: lock_unclaimed
-- Those that somebody is resolving are left to them.
SELECT reservation_id
  FROM reservation
 WHERE reservation_id = ANY (%(reservation_ids)s::uuid[]) AND state = 1
 ORDER BY reservation_id
   FOR UPDATE SKIP LOCKED;

-- name: lock_unresolved_of_sale
SELECT reservation_id
  FROM reservation
 WHERE flash_sale_code = %(flash_sale_code)s AND state IN (1, 2)
 ORDER BY reservation_id
   FOR UPDATE;

-- name: taken_of_sale
-- What the gate must know of: what is held or sold, and what has shipped too, since a customer's limit counts it.
SELECT reservation_id, request_id, content_hash, customer_reference,
       coalesce(jsonb_agg(jsonb_build_array(sku_code, quantity) ORDER BY sku_code) FILTER (WHERE from_escrow), '[]')
  FROM reservation
  LEFT JOIN reservation_draw USING (reservation_id)
 WHERE flash_sale_code = %(flash_sale_code)s AND state IN (1, 2, 6)
 GROUP BY reservation_id;

-- name: has_other_answers
-- All but those of taken_of_sale.
SELECT EXISTS (
    SELECT FROM reservation WHERE flash_sale_code = %(flash_sale_code)s AND state IN (3, 4, 5, 7)
) AS found;

-- name: clock
SELECT clock_timestamp() AS now;

-- name: insert_reservations
INSERT INTO reservation (
    reservation_id, request_id, content_hash, state, lines, channel_code, customer_reference, flash_sale_code,
    durability, create_time, expire_time, refusal, actor, traceparent
)
SELECT reservation_id, request_id, content_hash, state, lines::jsonb, channel_code, customer_reference,
       flash_sale_code, durability, create_time, expire_time, refusal::jsonb, actor, traceparent
  FROM unnest(
           %(reservation_ids)s::uuid[], %(request_ids)s::text[], %(content_hashes)s::bytea[], %(states)s::smallint[],
           %(lines)s::text[], %(channel_codes)s::text[], %(customer_references)s::text[],
           %(flash_sale_codes)s::text[], %(durabilities)s::smallint[], %(create_times)s::timestamptz[],
           %(deadlines)s::timestamptz[], %(refusals)s::text[], %(actors)s::text[], %(traceparents)s::text[]
       ) AS new (reservation_id, request_id, content_hash, state, lines, channel_code, customer_reference,
                 flash_sale_code, durability, create_time, expire_time, refusal, actor, traceparent);

-- name: insert_draws
INSERT INTO reservation_draw (reservation_id, warehouse_code, sku_code, quantity, from_escrow)
SELECT * FROM unnest(
    %(reservation_ids)s::uuid[], %(warehouse_codes)s::text[], %(sku_codes)s::text[], %(quantities)s::bigint[],
    %(from_escrow)s::boolean[]
);

-- name: set_states
UPDATE reservation
   SET state = change.state,
       resolve_time = %(resolve_time)s,
       order_reference = coalesce(change.order_reference, reservation.order_reference),
       order_details = coalesce(change.order_details::jsonb, reservation.order_details)
  FROM unnest(
           %(reservation_ids)s::uuid[], %(states)s::smallint[], %(order_references)s::text[],
           %(order_details)s::text[]
       ) AS change (reservation_id, state, order_reference, order_details)
 WHERE reservation.reservation_id = change.reservation_id;

-- name: move_deadlines
-- The first one stays known: the Reserve is answered with it again.
UPDATE reservation
   SET expire_time = change.expire_time,
       first_expire_time = coalesce(reservation.first_expire_time, reservation.expire_time)
  FROM unnest(%(reservation_ids)s::uuid[], %(deadlines)s::timestamptz[]) AS change (reservation_id, expire_time)
 WHERE reservation.reservation_id = change.reservation_id;

-- name: keep_lines
UPDATE reservation
   SET lines = change.lines::jsonb,
       held = change.held::jsonb
  FROM unnest(%(reservation_ids)s::uuid[], %(lines)s::text[], %(held)s::text[])
           AS change (reservation_id, lines, held)
 WHERE reservation.reservation_id = change.reservation_id;

-- name: keep_draws
UPDATE reservation_draw AS draw
   SET quantity = kept.quantity
  FROM unnest(
           %(reservation_ids)s::uuid[], %(warehouse_codes)s::text[], %(sku_codes)s::text[], %(quantities)s::bigint[]
       ) AS kept (reservation_id, warehouse_code, sku_code, quantity)
 WHERE (draw.reservation_id, draw.warehouse_code, draw.sku_code)
       = (kept.reservation_id, kept.warehouse_code, kept.sku_code)
   AND draw.quantity <> kept.quantity;

-- name: drop_draws
-- Those of which nothing is kept.
DELETE FROM reservation_draw
 WHERE reservation_id = ANY (%(reduced_ids)s::uuid[])
   AND (reservation_id, warehouse_code, sku_code) NOT IN (
           SELECT * FROM unnest(%(reservation_ids)s::uuid[], %(warehouse_codes)s::text[], %(sku_codes)s::text[])
       );

-- name: add_draws
-- Those that are new.
INSERT INTO reservation_draw (reservation_id, warehouse_code, sku_code, quantity, from_escrow)
SELECT * FROM unnest(
    %(reservation_ids)s::uuid[], %(warehouse_codes)s::text[], %(sku_codes)s::text[], %(quantities)s::bigint[],
    %(from_escrow)s::boolean[]
)
ON CONFLICT DO NOTHING;

-- name: keep_first_draws
UPDATE reservation SET first_draws = coalesce(first_draws, %(first_draws)s::jsonb)
 WHERE reservation_id = %(reservation_id)s;

-- name: mark_shipped
UPDATE reservation_draw SET shipped = true
 WHERE (reservation_id, warehouse_code) IN (
           SELECT * FROM unnest(%(reservation_ids)s::uuid[], %(warehouse_codes)s::text[])
       );

-- name: find_resolutions
-- A Reserve's id has verb 0; one that had been a resolution's before, and was refused to a Reserve, is the latter's.
SELECT request_id, reservation_id, 0 AS verb, state, content_hash, NULL AS refusal, create_time AS record_time,
       expire_time
  FROM reservation
 WHERE request_id = ANY (%(request_ids)s::text[])
   AND NOT EXISTS (SELECT FROM reservation_resolution AS done WHERE done.request_id = reservation.request_id)
 UNION ALL
SELECT request_id, reservation_id, verb, state, content_hash, refusal, record_time, expire_time
  FROM reservation_resolution
 WHERE request_id = ANY (%(request_ids)s::text[]);

-- name: ids_of_resolutions
SELECT request_id FROM reservation_resolution WHERE request_id = ANY (%(request_ids)s::text[]);

-- name: insert_resolutions
INSERT INTO reservation_resolution (
    request_id, reservation_id, verb, state, content_hash, actor, reason, refusal, record_time,
    expire_time
)
SELECT request_id, reservation_id, verb, state, content_hash, actor, reason, refusal::jsonb, %(record_time)s,
       expire_time
  FROM unnest(
           %(request_ids)s::text[], %(reservation_ids)s::uuid[], %(verbs)s::smallint[], %(states)s::smallint[],
           %(content_hashes)s::bytea[], %(actors)s::text[], %(reasons)s::text[], %(refusals)s::text[],
           %(deadlines)s::timestamptz[]
       ) AS done (request_id, reservation_id, verb, state, content_hash, actor, reason, refusal, expire_time);

-- name: orders_taken
SELECT channel_code, order_reference
  FROM reservation
 WHERE (channel_code, order_reference) IN (
           SELECT * FROM unnest(%(channel_codes)s::text[], %(order_references)s::text[])
       );

-- name: draws_leave_escrow
-- The sale is closed: what its reservations draw is an ordinary promise from now on.
UPDATE reservation_draw SET from_escrow = false, left_escrow = true
 WHERE reservation_id = ANY (%(reservation_ids)s::uuid[]) AND from_escrow;

-- name: add_picked
-- reservation_draw_picked_within bounds it.
UPDATE reservation_draw SET picked = picked + %(difference)s
 WHERE reservation_id = %(reservation_id)s
   AND warehouse_code = %(warehouse_code)s AND sku_code = %(sku_code)s;

-- name: add_returned
-- reservation_draw_returned_within bounds it.
UPDATE reservation_draw SET returned = returned + %(difference)s
 WHERE reservation_id = %(reservation_id)s
   AND warehouse_code = %(warehouse_code)s AND sku_code = %(sku_code)s;

-- name: add_replaced
-- reservation_draw_replaced_within bounds it.
UPDATE reservation_draw SET replaced = replaced + %(difference)s
 WHERE reservation_id = %(reservation_id)s
   AND warehouse_code = %(warehouse_code)s AND sku_code = %(sku_code)s;
