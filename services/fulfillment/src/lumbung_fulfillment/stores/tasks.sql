-- name: insert
insert into pick_task (
    task_id, wave_id, order_id, warehouse_code, sequence, bin_code, aisle_index, y_m, sku_code, quantity,
    replaces_task_id, lots
)
select
    task_id, wave_id, order_id, %(warehouse_code)s, sequence, bin_code, aisle_index, y_m, sku_code, quantity,
    replaces_task_id, lots
from jsonb_to_recordset(%(tasks)s) as task (
    task_id uuid, wave_id uuid, order_id uuid, sequence bigint, bin_code text, aisle_index bigint, y_m float8,
    sku_code text, quantity bigint, replaces_task_id uuid, lots jsonb
)

-- name: get
select * from wave_task where task_id = %(task_id)s

-- name: lock
-- Last of all: after the wave and the order.
select task_id from pick_task where task_id = %(task_id)s for update

-- name: of_wave
select * from wave_task where wave_id = %(wave_id)s order by sequence

-- name: of_plan
select wave_task.* from wave_task
join wave on wave.wave_id = wave_task.wave_id
where wave.plan_id = %(plan_id)s and wave_task.replaces_task_id is null
order by wave.place_in_plan, wave_task.sequence

-- name: of_order
select * from wave_task where order_id = %(order_id)s order by wave_id, sequence

-- name: save
update pick_task
set
    picked_quantity = %(picked_quantity)s,
    state = %(state)s,
    close_time = case when %(state)s <> 'open' then coalesce(close_time, now()) end
where task_id = %(task_id)s

-- name: cancel_open
-- What is still open of an order, or of a whole wave, is no longer wanted. A pick that was begun ends short.
update pick_task
set state = case when picked_quantity > 0 then 'short' else 'cancelled' end, close_time = now()
where state = 'open'
and (order_id = %(order_id)s or (%(order_id)s::uuid is null and wave_id = %(wave_id)s))

-- name: cancel_open_of_skus
-- Likewise of some SKUs of an order.
update pick_task
set state = case when picked_quantity > 0 then 'short' else 'cancelled' end, close_time = now()
where state = 'open' and order_id = %(order_id)s and sku_code = any(%(sku_codes)s::text[])

-- name: next_open
select * from wave_task where wave_id = %(wave_id)s and state = 'open' order by sequence limit 1

-- name: make_room
-- Moves the tasks from a place in the walk on further back.
update pick_task set sequence = sequence + %(places)s
where wave_id = %(wave_id)s and sequence >= %(sequence)s

-- name: closed_at
select close_time from pick_task where task_id = %(task_id)s
