-- name: demands
-- What will be taken of SKUs: from a bin by planned waves, from anywhere by orders that wait. Those without a time are due now.
select sku_code, bin_code, sum(quantity)::bigint as quantity, coalesce(due, now()) as due
from (
    select pick_task.sku_code, pick_task.bin_code, pick_task.quantity - pick_task.picked_quantity as quantity,
        coalesce(wave.latest_start_time, wave.pickup_time) as due
    from pick_task
    inner join wave using (wave_id)
    where pick_task.warehouse_code = %(warehouse_code)s and pick_task.state = 'open'
    and pick_task.sku_code = any(%(sku_codes)s)
    union all
    select order_line.sku_code, '' as bin_code, order_line.quantity - order_line.picked_quantity as quantity,
        customer_order.pickup_time as due
    from customer_order
    inner join order_line using (order_id)
    where customer_order.warehouse_code = %(warehouse_code)s and customer_order.state in ('queued', 'short')
    and order_line.sku_code = any(%(sku_codes)s) and order_line.quantity > order_line.picked_quantity
) as wanted
group by sku_code, bin_code, due

-- name: last_picked
-- The face from which each SKU was picked last, among its last 50 picks.
select wanted.sku_code, last_pick.bin_code
from unnest(%(sku_codes)s::text[]) as wanted (sku_code)
cross join lateral (
    select recent.bin_code
    from (
        select pick_task.bin_code, pick_task.task_id
        from pick_task
        where pick_task.warehouse_code = %(warehouse_code)s and pick_task.sku_code = wanted.sku_code
        and pick_task.picked_quantity > 0
        order by pick_task.task_id desc
        limit 50
    ) as recent
    where recent.bin_code = any(%(face_codes)s)
    order by recent.task_id desc
    limit 1
) as last_pick

-- name: live
-- Carried now, or on the way to stock, or booked there since its figures were read: with whom, and from where to where.
select replenishment.* from replenishment
inner join terminal_session using (session_id)
where replenishment.warehouse_code = %(warehouse_code)s
and (
    replenishment.state = 'booking'
    or (
        replenishment.state = 'claimed' and replenishment.lease_expire_time >= now()
        and terminal_session.end_time is null
    )
    or (replenishment.state = 'done' and replenishment.end_time >= %(read_time)s)
)
order by replenishment.create_time, replenishment.replenishment_id

-- name: release_lapsed
-- Claims whose lease has run out, or whose session is over: others may have them.
update replenishment set state = 'released', lease_expire_time = null, end_time = now()
from terminal_session
where terminal_session.session_id = replenishment.session_id
and replenishment.warehouse_code = %(warehouse_code)s and replenishment.state = 'claimed'
and replenishment.session_id <> %(session_id)s
and (replenishment.lease_expire_time < now() or terminal_session.end_time is not null)

-- name: of_session
select * from replenishment where session_id = %(session_id)s and state = 'claimed' for update

-- name: insert
insert into replenishment (
    replenishment_id, warehouse_code, sku_code, lot_code, quantity, from_bin_code, to_bin_code, reason, needed_time,
    session_id, terminal_code, lease_expire_time, actor, traceparent
)
values (
    %(replenishment_id)s, %(warehouse_code)s, %(sku_code)s, %(lot_code)s, %(quantity)s, %(from_bin_code)s,
    %(to_bin_code)s, %(reason)s, %(needed_time)s, %(session_id)s, %(terminal_code)s, now() + %(lease)s, %(actor)s, ''
)

-- name: renew
update replenishment set lease_expire_time = now() + %(lease)s
where replenishment_id = %(replenishment_id)s and state = 'claimed'

-- name: get
select * from replenishment where replenishment_id = %(replenishment_id)s

-- name: lock
select replenishment_id from replenishment where replenishment_id = %(replenishment_id)s for update

-- name: carried
-- To be told to stock; the one who carried it does so at once, the loop after a while.
update replenishment set
    state = 'booking',
    lease_expire_time = null,
    moved_quantity = %(moved_quantity)s,
    stock_request_id = %(stock_request_id)s,
    next_attempt_time = now() + %(grace)s,
    actor = %(actor)s,
    traceparent = %(traceparent)s
where replenishment_id = %(replenishment_id)s and state = 'claimed'

-- name: release
update replenishment set state = 'released', lease_expire_time = null, end_time = now()
where replenishment_id = %(replenishment_id)s and state = 'claimed'

-- name: take
-- The right to send it now.
update replenishment set attempt_count = attempt_count + 1, next_attempt_time = now() + %(attempt_time)s
where replenishment_id = %(replenishment_id)s and state = 'booking'
and (attempt_count = 0 or next_attempt_time <= now())
returning *

-- name: due
select replenishment_id from replenishment
where state = 'booking' and next_attempt_time <= now()
order by next_attempt_time
limit %(limit)s

-- name: unbooked
-- For the metrics: how many were carried and are not in stock's ledger, and how long the oldest has waited.
select
    count(*) as carried,
    coalesce(extract(epoch from clock_timestamp() - min(create_time)), 0)::float8 as oldest_s
from replenishment
where state = 'booking'

-- name: postpone
update replenishment set last_error = %(last_error)s, next_attempt_time = now() + %(wait)s
where replenishment_id = %(replenishment_id)s and state = 'booking'

-- name: settle
update replenishment set state = %(state)s, last_error = %(last_error)s, end_time = clock_timestamp()
where replenishment_id = %(replenishment_id)s and state = 'booking'

-- name: faces
select sku_code, bin_code, min_quantity, max_quantity from pick_face
where warehouse_code = %(warehouse_code)s and sku_code = any(%(sku_codes)s)

-- name: all_faces
select sku_code, bin_code, min_quantity, max_quantity from pick_face
where warehouse_code = %(warehouse_code)s
order by sku_code, bin_code
limit %(limit)s

-- name: page_of_faces
select sku_code, bin_code, min_quantity, max_quantity from pick_face
where warehouse_code = %(warehouse_code)s and (sku_code, bin_code) > (%(after_sku)s, %(after_bin)s)
order by sku_code, bin_code
limit %(limit)s

-- name: put_face
insert into pick_face (warehouse_code, sku_code, bin_code, min_quantity, max_quantity, actor)
values (%(warehouse_code)s, %(sku_code)s, %(bin_code)s, %(min_quantity)s, %(max_quantity)s, %(actor)s)
on conflict on constraint pick_face_pkey do update set
    min_quantity = excluded.min_quantity,
    max_quantity = excluded.max_quantity,
    actor = excluded.actor,
    update_time = now()

-- name: remove_face
delete from pick_face
where warehouse_code = %(warehouse_code)s and sku_code = %(sku_code)s and bin_code = %(bin_code)s
