-- name: begin_promise
insert into bin_promise (warehouse_code) values (%(warehouse_code)s) on conflict on constraint bin_promise_pkey do nothing

-- name: read_promise
-- The revision that a planner works on, and the instant from which on what stock books may not be in its figures.
select revision, clock_timestamp() as read_time from bin_promise where warehouse_code = %(warehouse_code)s

-- name: take_promise
-- The turn to promise bins' units to picks, if nobody else has since; until the end of the transaction.
update bin_promise set revision = revision + 1
where warehouse_code = %(warehouse_code)s and revision = %(revision)s

-- name: lock_promise
-- The turn, whoever had it before.
update bin_promise set revision = revision + 1 where warehouse_code = %(warehouse_code)s

-- name: promised
-- Units that stock's figure of a bin may still hold and that are spoken for: open picks; picks and moves on their way
-- to stock, or booked there since its figures were read; goods of cancelled orders that stock never saw leave; goods
-- that somebody fetches from bulk for a pick face.
select bin_code, sku_code, sum(quantity)::bigint as quantity
from (
    select bin_code, sku_code, quantity - picked_quantity as quantity
    from pick_task
    where warehouse_code = %(warehouse_code)s and state = 'open' and sku_code = any(%(sku_codes)s)
    union all
    select bin_code, sku_code, quantity
    from booking
    where warehouse_code = %(warehouse_code)s and sku_code = any(%(sku_codes)s) and kind in ('pick', 'move')
    and (state in ('queued', 'refused') or (state = 'done' and done_time >= %(read_time)s))
    union all
    select suggested_bin_code, sku_code, unbooked_quantity
    from put_back
    where warehouse_code = %(warehouse_code)s and state = 'open' and sku_code = any(%(sku_codes)s)
    union all
    select from_bin_code, sku_code, case when state = 'claimed' then quantity else moved_quantity end
    from replenishment
    where warehouse_code = %(warehouse_code)s and sku_code = any(%(sku_codes)s)
    and (state = 'booking' or (state = 'claimed' and lease_expire_time >= now()))
    union all
    select from_bin_code, sku_code, moved_quantity
    from replenishment
    where warehouse_code = %(warehouse_code)s and sku_code = any(%(sku_codes)s)
    and state = 'done' and end_time >= %(read_time)s
) as spoken_for
group by bin_code, sku_code

-- name: leaving
-- Units of a SKU that have left a bin, or are about to, and that stock's figure may still hold.
select coalesce(sum(quantity), 0)::bigint as quantity
from booking
where warehouse_code = %(warehouse_code)s and bin_code = %(bin_code)s and sku_code = %(sku_code)s
and kind in ('pick', 'move', 'short_pick')
and (state in ('queued', 'refused') or (state = 'done' and done_time >= %(read_time)s))

-- name: unbooked
-- Units that left a bin, that stock never saw leave it, and that have not been put back.
select coalesce(sum(unbooked_quantity), 0)::bigint as quantity
from put_back
where warehouse_code = %(warehouse_code)s and suggested_bin_code = %(bin_code)s and sku_code = %(sku_code)s
and state = 'open'

-- name: doubted
select bin_code, sku_code from bin_doubt
where warehouse_code = %(warehouse_code)s and sku_code = any(%(sku_codes)s)

-- name: raise_doubt
insert into bin_doubt (warehouse_code, bin_code, sku_code)
values (%(warehouse_code)s, %(bin_code)s, %(sku_code)s)
on conflict on constraint bin_doubt_pkey do nothing

-- name: clear_doubts
delete from bin_doubt
using unnest(%(warehouse_codes)s::text[], %(bin_codes)s::text[], %(sku_codes)s::text[])
    as moved (warehouse_code, bin_code, sku_code)
where bin_doubt.warehouse_code = moved.warehouse_code
and bin_doubt.bin_code = moved.bin_code
and bin_doubt.sku_code = moved.sku_code

-- name: insert_plan
insert into plan (
    plan_id, warehouse_code, wave_count, order_count, task_count, walk_m, order_by_order_walk_m,
    first_come_s_shape_walk_m, first_come_walk_m, plan_duration_s, actor
)
values (
    %(plan_id)s, %(warehouse_code)s, %(wave_count)s, %(order_count)s, %(task_count)s, %(walk_m)s,
    %(order_by_order_walk_m)s, %(first_come_s_shape_walk_m)s, %(first_come_walk_m)s, %(plan_duration_s)s, %(actor)s
)

-- name: get_plan
select * from plan where plan_id = %(plan_id)s

-- name: insert_waves
insert into wave (
    wave_id, plan_id, place_in_plan, warehouse_code, pickup_time, courier_services, latest_start_time, task_count,
    unit_count, walk_m, order_by_order_walk_m, s_shape_walk_m, routing_method
)
select
    wave_id, %(plan_id)s, place_in_plan, %(warehouse_code)s, pickup_time, courier_services, latest_start_time,
    task_count, unit_count, walk_m, order_by_order_walk_m, s_shape_walk_m, routing_method
from jsonb_to_recordset(%(waves)s) as wave (
    wave_id uuid, place_in_plan bigint, pickup_time timestamptz, courier_services text[],
    latest_start_time timestamptz, task_count bigint, unit_count bigint, walk_m float8, order_by_order_walk_m float8,
    s_shape_walk_m float8, routing_method text
)

-- name: insert_wave_orders
insert into wave_order (wave_id, order_id, tote_position, alone_walk_m)
select * from unnest(
    %(wave_ids)s::uuid[], %(order_ids)s::uuid[], %(totes)s::bigint[], %(alone_walks_m)s::float8[]
)

-- name: get
select * from whole_wave where wave_id = %(wave_id)s

-- name: lock
-- Before the orders that ride in it.
select wave_id from wave where wave_id = %(wave_id)s for update

-- name: page
select * from whole_wave
where (plan_time, wave_id) < (%(before_time)s::timestamptz, %(before_id)s::uuid)
and (%(warehouse_code)s = '' or warehouse_code = %(warehouse_code)s)
and (cardinality(%(states)s::text[]) = 0 or state = any(%(states)s))
and (%(plan_id)s::uuid is null or plan_id = %(plan_id)s)
order by plan_time desc, wave_id desc
limit %(limit)s

-- name: of_plan
select * from whole_wave where plan_id = %(plan_id)s order by place_in_plan

-- name: of_session
-- The wave that a session works on, locked.
select wave_id from wave where session_id = %(session_id)s and state = 'claimed' for update

-- name: cart_taken
-- Whether another session works with this cart.
select 1 from wave
where warehouse_code = %(warehouse_code)s and cart_code = %(cart_code)s and state = 'claimed'
and session_id <> %(session_id)s and lease_expire_time >= now()

-- name: choose
-- The next wave for a cart, locked: what was begun on this cart, then the most urgent fresh one, then what was begun
-- on other carts and is waiting for somebody. Waves that another claim is looking at are passed over.
select wave_id from wave
where warehouse_code = %(warehouse_code)s
and (state in ('planned', 'paused') or (state = 'claimed' and lease_expire_time < now()))
and (%(wave_id)s::uuid is null or wave_id = %(wave_id)s)
and not exists (
    select 1 from wave as busy
    where busy.warehouse_code = wave.warehouse_code and busy.cart_code = wave.cart_code and busy.wave_id <> wave.wave_id
    and wave.start_time is not null and busy.state = 'claimed' and busy.lease_expire_time >= now()
)
order by
    (cart_code = %(cart_code)s) desc,
    (start_time is null) desc,
    pickup_time nulls last,
    plan_time,
    place_in_plan
limit 1
for update skip locked

-- name: claim
-- A wave that was begun stays on its cart, for its goods are there.
update wave set
    state = 'claimed',
    session_id = %(session_id)s,
    terminal_code = %(terminal_code)s,
    cart_code = case when start_time is null then %(cart_code)s else cart_code end,
    start_time = coalesce(start_time, now()),
    lease_expire_time = now() + %(lease)s,
    revision = revision + 1
where wave_id = %(wave_id)s

-- name: reopen
-- A wave that was done is worked on again.
update wave set state = 'claimed', lease_expire_time = now() + %(lease)s, end_time = null, revision = revision + 1
where wave_id = %(wave_id)s and state = 'done' and session_id = %(session_id)s

-- name: end_claim
-- Nobody works on it any more.
update wave_claim set end_time = now() where wave_id = %(wave_id)s and end_time is null

-- name: end_claims_of
-- Of whatever a session works on.
update wave_claim set end_time = now() where session_id = %(session_id)s and end_time is null

-- name: begin_claim
insert into wave_claim (wave_id, session_id) values (%(wave_id)s, %(session_id)s)

-- name: claims
-- When a session worked on a wave.
select begin_time, end_time from wave_claim
where wave_id = %(wave_id)s and session_id = %(session_id)s
order by begin_time desc
limit %(limit)s

-- name: renew
-- A sign of life.
update wave set lease_expire_time = now() + %(lease)s
where wave_id = %(wave_id)s and state = 'claimed' and session_id = %(session_id)s
returning lease_expire_time, revision

-- name: touch
-- Its tasks have changed.
update wave set revision = revision + 1 where wave_id = %(wave_id)s returning revision

-- name: pause
update wave set state = 'paused', lease_expire_time = null, revision = revision + 1
where session_id = %(session_id)s and state = 'claimed'

-- name: finish
update wave set state = %(state)s, lease_expire_time = null, end_time = now(), revision = revision + 1
where wave_id = %(wave_id)s and state in ('planned', 'claimed', 'paused')
