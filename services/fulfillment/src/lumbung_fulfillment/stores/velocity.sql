-- name: histories
-- What was picked of each SKU in waves planned since, most lines first, and when the SKU was first picked of all.
with picked as (
    select pick_task.sku_code, count(*) as line_count, sum(pick_task.picked_quantity)::bigint as quantity
    from wave
    inner join pick_task using (wave_id)
    where wave.warehouse_code = %(warehouse_code)s
    and wave.plan_time >= %(since)s
    and pick_task.picked_quantity > 0
    group by pick_task.sku_code
    order by line_count desc, pick_task.sku_code
    limit %(limit)s
)

select picked.sku_code, picked.line_count, picked.quantity, first_pick.first_time
from picked
cross join lateral (
    select wave.plan_time as first_time
    from pick_task
    inner join wave using (wave_id)
    where pick_task.warehouse_code = %(warehouse_code)s and pick_task.sku_code = picked.sku_code
    order by pick_task.task_id
    limit 1
) as first_pick

-- name: recorded
-- How many waves were picked since, and when the first of them was planned.
select count(*) as wave_count, min(plan_time) as first_time
from wave
where warehouse_code = %(warehouse_code)s and plan_time >= %(since)s and state = 'done'

-- name: walks
-- Which places were visited in a sample of those waves; the same sample each time, for the same waves.
with sampled as (
    select wave_id, hashtextextended(wave_id::text, %(sample_seed)s) as lot
    from wave
    where warehouse_code = %(warehouse_code)s and plan_time >= %(since)s and state = 'done'
    order by lot, wave_id
    limit %(limit)s
)

select jsonb_agg(distinct jsonb_build_array(pick_task.bin_code, pick_task.sku_code)) as places
from sampled
inner join pick_task using (wave_id)
where pick_task.picked_quantity > 0
group by sampled.lot, sampled.wave_id
order by sampled.lot, sampled.wave_id
