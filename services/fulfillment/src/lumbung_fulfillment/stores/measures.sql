-- name: orders
-- Same day is by the clock on the warehouse's wall.
select
    count(*) filter (where accept_time >= %(start)s and accept_time < %(end)s) as accepted_orders,
    count(*) filter (
        where accept_time >= %(start)s and accept_time < %(end)s
        and (ship_time at time zone %(zone)s)::date = (accept_time at time zone %(zone)s)::date
    ) as same_day_orders,
    count(*) filter (where ship_time >= %(start)s and ship_time < %(end)s) as shipped_orders,
    count(*) filter (where cancel_time >= %(start)s and cancel_time < %(end)s) as cancelled_orders,
    count(*) filter (where state = 'short') as short_orders,
    avg(pick_end_time - pick_start_time)
        filter (where pick_end_time >= %(start)s and pick_end_time < %(end)s) as mean_pick_time
from customer_order
where warehouse_code = %(warehouse_code)s

-- name: scans
select
    (
        select count(*) from pick_scan
        where warehouse_code = %(warehouse_code)s and record_time >= %(start)s and record_time < %(end)s
        and undo_time is null
    ) as pick_scans,
    (
        select count(*) from wrong_scan
        where warehouse_code = %(warehouse_code)s and record_time >= %(start)s and record_time < %(end)s
    ) as wrong_scans,
    (
        select count(*) from short_pick
        where warehouse_code = %(warehouse_code)s and record_time >= %(start)s and record_time < %(end)s
    ) as short_picks

-- name: waves
select
    count(*) as waves_done,
    count(*) filter (where pickup_time is null or end_time <= pickup_time) as waves_on_time,
    coalesce(sum(walk_m), 0)::float8 as walk_m,
    coalesce(sum(order_by_order_walk_m), 0)::float8 as order_by_order_walk_m
from wave
where warehouse_code = %(warehouse_code)s and state = 'done' and end_time >= %(start)s and end_time < %(end)s

-- name: leftovers
select
    (select count(*) from put_back where warehouse_code = %(warehouse_code)s and state = 'open') as open_put_backs,
    (
        select count(*) from goods_return where warehouse_code = %(warehouse_code)s and state = 'received'
    ) as returns_to_inspect,
    (
        select count(*) from goods_return
        where warehouse_code = %(warehouse_code)s and reason = 'wrong_item'
        and receive_time >= %(start)s and receive_time < %(end)s
    ) as wrong_shipments
