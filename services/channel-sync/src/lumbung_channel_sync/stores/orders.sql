-- name: open_orders
-- Orders that are new; one that is here already, or was cancelled before it came, is left as it is.
INSERT INTO channel_order (
    channel_code, order_ref, state, customer_reference, courier_service, place_time, receive_time, traceparent
)
SELECT * FROM unnest(
    %(channel_codes)s::text[], %(order_refs)s::text[], %(states)s::text[], %(customer_references)s::text[],
    %(courier_services)s::text[], %(place_times)s::timestamptz[], %(receive_times)s::timestamptz[],
    %(traceparents)s::text[]
)
ON CONFLICT (channel_code, order_ref) DO NOTHING
RETURNING channel_code, order_ref

-- name: insert_lines
INSERT INTO channel_order_line (
    channel_code, order_ref, line_number, listing_ref, sku_code, item_quantity, unit_quantity, flash_sale_code
)
SELECT * FROM unnest(
    %(channel_codes)s::text[], %(order_refs)s::text[], %(line_numbers)s::bigint[], %(listing_refs)s::text[],
    %(sku_codes)s::text[], %(item_quantities)s::bigint[], %(unit_quantities)s::bigint[], %(flash_sale_codes)s::text[]
)

-- name: relearn_lines
-- A listing that was unknown when the order came may be known now.
UPDATE channel_order_line AS line
SET sku_code = listing.sku_code, unit_quantity = line.item_quantity * listing.units_per_item
FROM listing
WHERE line.channel_code = %(channel_code)s AND line.order_ref = %(order_ref)s AND line.sku_code IS NULL
    AND listing.channel_code = line.channel_code AND listing.listing_ref = line.listing_ref

-- name: lock_orders
-- Always in one order.
SELECT channel_code, order_ref FROM channel_order
WHERE (channel_code, order_ref) IN (
    SELECT * FROM unnest(%(channel_codes)s::text[], %(order_refs)s::text[])
)
ORDER BY channel_code, order_ref
FOR NO KEY UPDATE

-- name: decide
-- Stock's answers. Only orders that still wait for one are changed, and only those come back.
UPDATE channel_order AS sale
SET state = answered.state, reservation_id = answered.reservation_id, reason = answered.reason,
    message = answered.message, decide_time = now()
FROM unnest(
    %(channel_codes)s::text[], %(order_refs)s::text[], %(states)s::text[], %(reservation_ids)s::uuid[],
    %(reasons)s::text[], %(messages)s::text[]
) AS answered (channel_code, order_ref, state, reservation_id, reason, message)
WHERE sale.channel_code = answered.channel_code AND sale.order_ref = answered.order_ref
    AND sale.state IN ('RECEIVED', 'STUCK')
RETURNING sale.channel_code, sale.order_ref

-- name: stick
-- Waits for a person; asked of stock anew, under a new id, when stock had answered for good.
UPDATE channel_order
SET state = 'STUCK', reason = %(reason)s, message = %(message)s,
    reserve_round = reserve_round + %(answered)s::boolean::int
WHERE channel_code = %(channel_code)s AND order_ref = %(order_ref)s AND state IN ('RECEIVED', 'STUCK')

-- name: unstick
UPDATE channel_order SET state = 'RECEIVED', reason = '', message = ''
WHERE channel_code = %(channel_code)s AND order_ref = %(order_ref)s AND state = 'STUCK'

-- name: set_round
UPDATE channel_order SET reserve_round = %(reserve_round)s
WHERE channel_code = %(channel_code)s AND order_ref = %(order_ref)s AND reserve_round < %(reserve_round)s

-- name: cancel
-- From any of the states named; nothing otherwise.
UPDATE channel_order
SET state = 'CANCELLED', cancel_time = now(), cancel_reason = %(reason)s
WHERE channel_code = %(channel_code)s AND order_ref = %(order_ref)s AND state = ANY(%(from_states)s)
RETURNING order_ref

-- name: insert_tombstone
-- Cancelled before it came: when it comes, it finds itself cancelled.
INSERT INTO channel_order (channel_code, order_ref, state, cancel_time, cancel_reason, receive_time, traceparent)
VALUES (%(channel_code)s, %(order_ref)s, 'CANCELLED', now(), %(reason)s, %(receive_time)s, %(traceparent)s)
ON CONFLICT (channel_code, order_ref) DO NOTHING
RETURNING order_ref

-- name: note_late_cancellation
UPDATE channel_order SET cancel_came_too_late = true, cancel_reason = %(reason)s
WHERE channel_code = %(channel_code)s AND order_ref = %(order_ref)s AND NOT cancel_came_too_late

-- name: cancel_by_reservation
-- Stock took the reservation back by itself: nobody here has asked for it.
UPDATE channel_order AS sale
SET state = 'CANCELLED', cancel_time = now(), cancel_reason = %(reason)s
WHERE sale.reservation_id = %(reservation_id)s AND sale.state = 'ACCEPTED' AND NOT EXISTS (
    SELECT FROM inbox
    WHERE inbox.channel_code = sale.channel_code AND inbox.order_ref = sale.order_ref
        AND inbox.kind = 'CANCELLATION' AND inbox.done_time IS NULL AND inbox.park_time IS NULL
)
RETURNING channel_code, order_ref

-- name: note_answered
UPDATE channel_order AS sale SET answer_time = now()
FROM unnest(%(channel_codes)s::text[], %(order_refs)s::text[]) AS told (channel_code, order_ref)
WHERE sale.channel_code = told.channel_code AND sale.order_ref = told.order_ref

-- name: get_orders
-- Whole orders, with their lines and how often they were delivered again.
SELECT sale.*,
    coalesce((
        SELECT jsonb_agg(
            jsonb_build_array(
                line.listing_ref, line.sku_code, line.item_quantity, line.unit_quantity, line.flash_sale_code
            ) ORDER BY line.line_number
        )
        FROM channel_order_line AS line
        WHERE line.channel_code = sale.channel_code AND line.order_ref = sale.order_ref
    ), '[]') AS lines,
    (
        SELECT coalesce(sum(inbox.duplicate_count), 0)::bigint FROM inbox
        WHERE inbox.channel_code = sale.channel_code AND inbox.order_ref = sale.order_ref
    ) AS duplicate_count
FROM channel_order AS sale
WHERE (sale.channel_code, sale.order_ref) IN (
    SELECT * FROM unnest(%(channel_codes)s::text[], %(order_refs)s::text[])
)

-- name: list_orders
SELECT order_id, channel_code, order_ref FROM channel_order
WHERE (%(before)s = 0 OR order_id < %(before)s)
    AND (%(channel_code)s = '' OR channel_code = %(channel_code)s)
    AND (%(state)s = '' OR state = %(state)s)
    AND (%(reservation_id)s::uuid IS NULL OR reservation_id = %(reservation_id)s)
ORDER BY order_id DESC
LIMIT %(limit)s

-- name: insert_return
INSERT INTO expected_return (channel_code, return_ref, order_ref, lines, reason, receive_time)
VALUES (%(channel_code)s, %(return_ref)s, %(order_ref)s, %(lines)s, %(reason)s, %(receive_time)s)
ON CONFLICT ON CONSTRAINT expected_return_once DO NOTHING
RETURNING expected_return_id

-- name: list_returns
SELECT back.expected_return_id, back.channel_code, back.return_ref, back.order_ref, back.lines, back.reason,
    back.receive_time, coalesce(sale.reservation_id::text, '') AS reservation_id
FROM expected_return AS back
LEFT JOIN channel_order AS sale ON sale.channel_code = back.channel_code AND sale.order_ref = back.order_ref
WHERE (%(before)s = 0 OR back.expected_return_id < %(before)s)
    AND (%(channel_code)s = '' OR back.channel_code = %(channel_code)s)
    AND (%(return_ref)s = '' OR back.return_ref = %(return_ref)s)
ORDER BY back.expected_return_id DESC
LIMIT %(limit)s
