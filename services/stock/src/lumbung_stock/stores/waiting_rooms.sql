-- name: insert_room
INSERT INTO waiting_room (
    flash_sale_code, admission_order, demand_multiple, admission_s, lottery_window_s, secret, lottery_seed
)
VALUES (
    %(flash_sale_code)s, %(admission_order)s, %(demand_multiple)s, %(admission_s)s, %(lottery_window_s)s, %(secret)s,
    %(lottery_seed)s
);

-- name: lock_room
-- Whoever gives or admits places holds it. It is taken before any other lock but those of the tickets.
SELECT FROM waiting_room WHERE flash_sale_code = %(flash_sale_code)s FOR NO KEY UPDATE;

-- name: lock_room_unless_busy
SELECT FROM waiting_room WHERE flash_sale_code = %(flash_sale_code)s FOR NO KEY UPDATE SKIP LOCKED;

-- name: figures
SELECT awake, drawn, draw_time, NOT drawn AND coalesce(draw_time <= clock_timestamp(), false) AS draw_is_due, in_draw,
       last_place, admitted_through, used_count, used_units, admission_rate,
       coalesce(extract(epoch FROM clock_timestamp() - rate_time)::double precision, 0) AS rate_age_s,
       (SELECT coalesce(sum(item.remaining), 0)::bigint
          FROM flash_sale AS sale JOIN flash_sale_item AS item USING (flash_sale_code)
         WHERE sale.flash_sale_code = %(flash_sale_code)s OR sale.parent_code = %(flash_sale_code)s) AS free,
       (SELECT count(*) FROM waiting_ticket
         WHERE flash_sale_code = %(flash_sale_code)s AND state = 2) AS outstanding
  FROM waiting_room
 WHERE flash_sale_code = %(flash_sale_code)s;

-- name: wake
-- A lottery's window begins when the room wakes first. Whoever finds it pressed says so, but not with every call.
UPDATE waiting_room
   SET awake = true,
       pressed_time = clock_timestamp(),
       rate_time = coalesce(rate_time, clock_timestamp()),
       draw_time = CASE WHEN admission_order = 2
                        THEN coalesce(draw_time, clock_timestamp() + make_interval(secs => lottery_window_s)) END
 WHERE flash_sale_code = %(flash_sale_code)s
   AND (NOT awake OR pressed_time < clock_timestamp() - interval '1 second');

-- name: fall_asleep
-- Nobody waits, nobody is still choosing, and nobody has pressed for a while.
UPDATE waiting_room AS room
   SET awake = false
 WHERE flash_sale_code = %(flash_sale_code)s
   AND awake AND demand_multiple > 0 AND in_draw = 0 AND admitted_through = last_place
   AND pressed_time < clock_timestamp() - make_interval(secs => %(quiet_s)s)
   AND NOT EXISTS (SELECT FROM waiting_ticket AS ticket
                    WHERE ticket.flash_sale_code = room.flash_sale_code AND ticket.state = 2);

-- name: awake_rooms
SELECT flash_sale_code
  FROM waiting_room JOIN flash_sale USING (flash_sale_code)
 WHERE awake AND state = 2 AND halted_since IS NULL
 ORDER BY flash_sale_code;

-- name: find_tickets
-- By customer, and by the request that took the place, on whichever sale that was.
SELECT flash_sale_code, customer_reference, request_id, content_hash, state, place, lot, admitted_until,
       coalesce(extract(epoch FROM admitted_until - clock_timestamp())::double precision, 0) AS admission_left_s
  FROM waiting_ticket
 WHERE (flash_sale_code = %(flash_sale_code)s AND customer_reference = ANY (%(customers)s::text[]))
    OR request_id = ANY (%(request_ids)s::text[]);

-- name: give_places
-- To customers who have none, or had their turn. `lot` is empty where there is no draw to come.
WITH room AS (
    UPDATE waiting_room
       SET last_place = last_place + %(placed)s,
           in_draw = in_draw + %(drawing)s,
           joined_count = joined_count + %(placed)s + %(drawing)s
     WHERE flash_sale_code = %(flash_sale_code)s
    RETURNING flash_sale_code, last_place - %(placed)s AS before
)
INSERT INTO waiting_ticket (
    flash_sale_code, customer_reference, channel_code, request_id, content_hash, actor, state, place, lot
)
SELECT room.flash_sale_code, customer_reference, channel_code, request_id, content_hash, actor, 1,
       CASE WHEN %(placed)s > 0 THEN room.before + ordinality END, lot
  FROM room, unnest(
           %(customers)s::text[], %(channel_codes)s::text[], %(request_ids)s::text[], %(content_hashes)s::bytea[],
           %(actors)s::text[], %(lots)s::bytea[]
       ) WITH ORDINALITY AS new (customer_reference, channel_code, request_id, content_hash, actor, lot)
    ON CONFLICT (flash_sale_code, customer_reference) DO UPDATE
   SET channel_code = excluded.channel_code, request_id = excluded.request_id, actor = excluded.actor,
       content_hash = excluded.content_hash, state = 1, place = excluded.place, lot = excluded.lot,
       join_time = clock_timestamp(), admit_time = NULL, admitted_until = NULL;

-- name: draw
-- Everybody who waits for it, by their lots; the first places are theirs.
WITH drawn AS (
    SELECT customer_reference, row_number() OVER (ORDER BY lot) AS place
      FROM waiting_ticket
     WHERE flash_sale_code = %(flash_sale_code)s AND state = 1 AND place IS NULL
), placed AS (
    UPDATE waiting_ticket AS ticket
       SET place = room.last_place + drawn.place
      FROM drawn, waiting_room AS room
     WHERE ticket.flash_sale_code = %(flash_sale_code)s AND room.flash_sale_code = ticket.flash_sale_code
       AND ticket.customer_reference = drawn.customer_reference
    RETURNING ticket.place
)
UPDATE waiting_room
   SET drawn = true, in_draw = 0, last_place = last_place + (SELECT count(*) FROM placed)
 WHERE flash_sale_code = %(flash_sale_code)s;

-- name: note_used
-- What reservations say, and nobody else has to. Units of the sale alone count. Whoever gave the hold back before
-- anybody looked, less than a second later, is still admitted, and may choose again.
WITH bought AS (
    SELECT ticket.customer_reference, sum(draw.quantity) AS units
      FROM waiting_ticket AS ticket
      JOIN reservation
        ON reservation.customer_reference = ticket.customer_reference AND reservation.customer_reference <> ''
       AND reservation.flash_sale_code = ANY (
               ARRAY(SELECT flash_sale_code FROM flash_sale
                      WHERE flash_sale_code = %(flash_sale_code)s OR parent_code = %(flash_sale_code)s))
       AND reservation.flash_sale_code IS NOT NULL AND reservation.state IN (1, 2, 6)
       AND reservation.create_time >= ticket.admit_time
      JOIN reservation_draw AS draw ON draw.reservation_id = reservation.reservation_id AND draw.from_escrow
     WHERE ticket.flash_sale_code = %(flash_sale_code)s AND ticket.state = 2
     GROUP BY 1
), used AS (
    UPDATE waiting_ticket AS ticket
       SET state = 3
      FROM bought
     WHERE ticket.flash_sale_code = %(flash_sale_code)s AND ticket.customer_reference = bought.customer_reference
    RETURNING bought.units
)
UPDATE waiting_room
   SET used_count = used_count + (SELECT count(*) FROM used),
       used_units = used_units + (SELECT coalesce(sum(units), 0) FROM used)
 WHERE flash_sale_code = %(flash_sale_code)s AND EXISTS (SELECT FROM used);

-- name: note_lapsed
WITH lapsed AS (
    UPDATE waiting_ticket
       SET state = 4
     WHERE flash_sale_code = %(flash_sale_code)s AND state = 2
       AND admitted_until <= clock_timestamp() - make_interval(secs => %(grace_s)s)
    RETURNING place
)
UPDATE waiting_room
   SET lapsed_count = lapsed_count + (SELECT count(*) FROM lapsed)
 WHERE flash_sale_code = %(flash_sale_code)s AND EXISTS (SELECT FROM lapsed);

-- name: admit
WITH room AS (
    UPDATE waiting_room
       SET admitted_through = admitted_through + %(count)s, admission_rate = %(rate)s, rate_time = clock_timestamp()
     WHERE flash_sale_code = %(flash_sale_code)s
    RETURNING flash_sale_code, admitted_through, admission_s
)
UPDATE waiting_ticket AS ticket
   SET state = 2,
       admit_time = clock_timestamp(),
       admitted_until = clock_timestamp() + make_interval(secs => room.admission_s)
  FROM room
 WHERE ticket.flash_sale_code = room.flash_sale_code AND ticket.state = 1
   AND ticket.place > room.admitted_through - %(count)s AND ticket.place <= room.admitted_through;

-- name: admissions
-- How long each of these customers is still admitted.
SELECT ticket.flash_sale_code, ticket.customer_reference,
       extract(epoch FROM admitted_until - clock_timestamp())::double precision
  FROM waiting_ticket AS ticket
  JOIN unnest(%(flash_sale_codes)s::text[], %(customers)s::text[]) AS asked (flash_sale_code, customer_reference)
    ON ticket.flash_sale_code = asked.flash_sale_code AND ticket.customer_reference = asked.customer_reference
 WHERE admitted_until > clock_timestamp();

-- name: report
SELECT joined_count, in_draw + last_place - admitted_through AS waiting,
       (SELECT count(*) FROM waiting_ticket WHERE flash_sale_code = %(flash_sale_code)s AND state = 2) AS admitted,
       used_count, lapsed_count
  FROM waiting_room
 WHERE flash_sale_code = %(flash_sale_code)s;

-- name: forget_tickets
-- A day after the end of their sale, once it is closed; the room keeps its figures.
DELETE FROM waiting_ticket
 WHERE (flash_sale_code, customer_reference) IN (
           SELECT ticket.flash_sale_code, ticket.customer_reference
             FROM waiting_ticket AS ticket JOIN flash_sale AS sale USING (flash_sale_code)
            WHERE sale.state = 4 AND sale.end_time < statement_timestamp() - interval '1 day'
            LIMIT %(limit)s);
