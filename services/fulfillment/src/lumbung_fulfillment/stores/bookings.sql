-- name: insert
-- `grace` is the time that the call which wrote it has for the first attempt, before the loop takes over.
insert into booking (
    booking_id, order_id, kind, stock_request_id, reservation_id, warehouse_code, sku_code, bin_code, to_bin_code,
    quantity, condition, document, reason, lot_code, undoes_booking_id, next_attempt_time, actor, traceparent
)
values (
    %(booking_id)s, %(order_id)s, %(kind)s, %(stock_request_id)s, %(reservation_id)s, %(warehouse_code)s, %(sku_code)s,
    %(bin_code)s, %(to_bin_code)s, %(quantity)s, %(condition)s, %(document)s, %(reason)s, %(lot_code)s, %(undoes_booking_id)s,
    clock_timestamp() + %(grace)s, %(actor)s, %(traceparent)s
)

-- name: get
select * from booking where booking_id = any(%(booking_ids)s) order by place

-- name: of_order
select * from booking where order_id = %(order_id)s order by place

-- name: head
-- The first unfinished booking of an order.
select * from booking where order_id = %(order_id)s and state in ('queued', 'refused') order by place limit 1

-- name: take
-- The right to send this booking for the time of one attempt. A fresh one may be taken by the call that wrote it at
-- once; a booking that somebody else is sending, or that waits after a failure, may not.
update booking
set attempt_count = attempt_count + 1, next_attempt_time = clock_timestamp() + %(attempt_time)s
where booking_id = %(booking_id)s
and state = 'queued'
and (attempt_count = 0 or next_attempt_time <= clock_timestamp())
returning *

-- name: due
-- Orders with something to send, the longest waiting first.
select order_id from booking
where state = 'queued' and next_attempt_time <= clock_timestamp()
group by order_id
order by min(next_attempt_time)
limit %(limit)s

-- name: settle
-- Stock has answered for good; no row when another attempt settled it before.
update booking
set
    state = %(state)s,
    last_error = %(last_error)s,
    done_time = case when %(state)s in ('done', 'void') then clock_timestamp() end
where booking_id = %(booking_id)s and state = 'queued'
returning *

-- name: postpone
update booking set last_error = %(last_error)s, next_attempt_time = clock_timestamp() + %(wait)s
where booking_id = %(booking_id)s and state = 'queued'

-- name: lock
select * from booking where booking_id = %(booking_id)s for update

-- name: send_again
-- Under a new request_id, for stock remembers its refusal of the old one.
update booking
set state = 'queued', attempt_count = 0, stock_request_id = %(stock_request_id)s, next_attempt_time = clock_timestamp()
where booking_id = %(booking_id)s

-- name: page
select * from booking
where place > %(after)s
and (
    (%(state)s = '' and state in ('queued', 'refused'))
    or state = %(state)s
)
and (%(order_id)s::uuid is null or order_id = %(order_id)s)
order by place
limit %(limit)s

-- name: place_of
select place from booking where booking_id = %(booking_id)s

-- name: backlog
-- For the metrics: how many wait or were refused, and how long the oldest has waited.
select
    state,
    count(*) as bookings,
    extract(epoch from clock_timestamp() - min(create_time))::float8 as oldest_s
from booking
where state in ('queued', 'refused')
group by state
