-- name: insert_order
-- Takes an order in; nothing when it is there already.
insert into customer_order (
    order_id, reservation_id, warehouse_code, channel_code, order_reference, wanted_courier, courier_service,
    pickup_time, priority, note, place_time
)
values (
    %(order_id)s, %(reservation_id)s, %(warehouse_code)s, %(channel_code)s, %(order_reference)s,
    %(wanted_courier)s, %(courier_service)s, %(pickup_time)s, %(priority)s, %(note)s,
    coalesce(%(place_time)s, now())
)
on conflict on constraint customer_order_one_per_reservation do nothing

-- name: insert_lines
insert into order_line (order_id, sku_code, quantity)
select %(order_id)s, line.sku_code, line.quantity
from unnest(%(sku_codes)s::text[], %(quantities)s::bigint[]) as line (sku_code, quantity)

-- name: insert_sale_lines
insert into order_sale_line (order_id, line_number, sku_code, quantity)
select %(order_id)s, line.line_number, line.sku_code, line.quantity
from unnest(%(sku_codes)s::text[], %(quantities)s::bigint[])
    with ordinality as line (sku_code, quantity, line_number)

-- name: record_acceptance
insert into order_change (order_id, revision, state, reason, actor)
values (%(order_id)s, 1, 'queued', '', %(actor)s)

-- name: get
select * from whole_order where order_id = any(%(order_ids)s) order by order_id

-- name: lock
-- After the wave that it rides in, before its tasks: every transaction takes its locks in this order.
select order_id from customer_order where order_id = any(%(order_ids)s) order by order_id for update

-- name: of_reservation
select order_id, wave_id from customer_order where reservation_id = %(reservation_id)s order by order_id

-- name: page
select * from whole_order
where (accept_time, order_id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
and (%(warehouse_code)s = '' or warehouse_code = %(warehouse_code)s)
and (cardinality(%(states)s::text[]) = 0 or state = any(%(states)s))
and (%(reservation_id)s::uuid is null or reservation_id = %(reservation_id)s)
and (%(channel_code)s = '' or channel_code = %(channel_code)s)
and (%(order_reference)s = '' or order_reference = %(order_reference)s)
and (%(wave_id)s::uuid is null or wave_id = %(wave_id)s)
order by accept_time, order_id
limit %(limit)s

-- name: waiting
-- The queue of a warehouse, earliest pickup first, for planning.
select * from whole_order
where warehouse_code = %(warehouse_code)s
and state in ('queued', 'short')
and (%(pickup_until)s::timestamptz is null or pickup_time <= %(pickup_until)s)
order by pickup_time nulls last, priority desc, accept_time, order_id
limit %(limit)s

-- name: unshipped
-- Every order of a warehouse that has not left it.
select * from whole_order
where warehouse_code = %(warehouse_code)s
and state not in ('shipped', 'cancelled')
order by pickup_time nulls last, order_id
limit %(limit)s

-- name: set_pickups
-- Orders that still wait get another courier pickup.
update customer_order
set pickup_time = change.pickup_time, courier_service = change.courier_service
from unnest(%(order_ids)s::uuid[], %(pickup_times)s::timestamptz[], %(courier_services)s::text[])
    as change (order_id, pickup_time, courier_service)
where customer_order.order_id = change.order_id
and customer_order.state in ('queued', 'short', 'held')

-- name: to_reschedule
-- Waiting orders of a warehouse with the courier that the buyer wanted, empty for the default.
select order_id, wanted_courier from customer_order
where warehouse_code = %(warehouse_code)s
and state in ('queued', 'short', 'held')
and (wanted_courier = '' or wanted_courier = %(courier_service)s)
order by order_id
for update

-- name: missed
-- Waiting orders whose pickup has passed.
select order_id, courier_service from customer_order
where warehouse_code = %(warehouse_code)s and state in ('queued', 'short') and pickup_time < now()
order by order_id
for update

-- name: change_state
-- Brings orders into a state with everything that goes with it, and writes down who did. Answers the orders changed.
with wanted as (
    select * from unnest(%(order_ids)s::uuid[], %(wave_ids)s::uuid[], %(totes)s::bigint[])
        as change (order_id, wave_id, tote_position)
),

changed as (
    update customer_order set
        state = %(state)s,
        reason = coalesce(%(reason)s, customer_order.reason),
        wave_id = case when %(state)s in ('planned', 'picking') then coalesce(wanted.wave_id, customer_order.wave_id) end,
        tote_position = case
            when %(state)s in ('planned', 'picking') then coalesce(wanted.tote_position, customer_order.tote_position)
            else 0
        end,
        pick_start_time = case
            when %(state)s = 'picking' then coalesce(customer_order.pick_start_time, now())
            else customer_order.pick_start_time
        end,
        pick_end_time = case
            when %(state)s = 'picked' then coalesce(customer_order.pick_end_time, now())
            when %(state)s in ('planned', 'picking', 'short') then null
            else customer_order.pick_end_time
        end,
        pack_time = case when %(state)s = 'packed' then coalesce(customer_order.pack_time, now()) else customer_order.pack_time end,
        ship_time = case when %(state)s = 'shipped' then now() end,
        cancel_time = case when %(state)s = 'cancelled' then now() end,
        revision = customer_order.revision + 1
    from wanted
    where customer_order.order_id = wanted.order_id and customer_order.state = any(%(from_states)s)
    returning customer_order.order_id, customer_order.revision
)

insert into order_change (order_id, revision, state, reason, actor)
select order_id, revision, %(state)s, coalesce(%(reason)s, ''), %(actor)s from changed
returning order_id

-- name: add_picked
-- Units picked, or put back when negative; the constraint order_line_picked_within keeps it within what is needed.
update order_line
set picked_quantity = picked_quantity + %(units)s, short_quantity = 0
where order_id = %(order_id)s and sku_code = %(sku_code)s

-- name: note_short
-- What no bin had when the order went back to the queue.
update order_line
set short_quantity = quantity - picked_quantity
where order_id = %(order_id)s

-- name: shipped_quantities
select sku_code, quantity from order_line where order_id = %(order_id)s and quantity > 0

-- name: set_quantities
-- What was picked stays needed: it is in the tote.
insert into order_line (order_id, sku_code, quantity)
select %(order_id)s, line.sku_code, greatest(line.quantity, coalesce(present.picked_quantity, 0))
from unnest(%(sku_codes)s::text[], %(quantities)s::bigint[]) as line (sku_code, quantity)
left join order_line as present on present.order_id = %(order_id)s and present.sku_code = line.sku_code
on conflict on constraint order_line_pkey
do update set quantity = excluded.quantity, short_quantity = 0
