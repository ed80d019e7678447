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
with counted as (
    select
        count(*) as pick_scans,
        count(distinct task_id) as picked_lines,
        coalesce(sum(quantity), 0)::bigint as picked_units
    from pick_scan
    where warehouse_code = %(warehouse_code)s and record_time >= %(start)s and record_time < %(end)s
    and undo_time is null
),

lines as (
    select wave_id, count(distinct task_id) as lines
    from pick_scan
    where warehouse_code = %(warehouse_code)s and record_time >= %(start)s and record_time < %(end)s
    and undo_time is null
    group by wave_id
)

select
    counted.*,
    (
        select coalesce(sum(wave.walk_m * lines.lines / greatest(wave.task_count, lines.lines)), 0)::float8
        from lines
        inner join wave using (wave_id)
    ) as picked_walk_m,
    (
        select count(*) from wrong_scan
        where warehouse_code = %(warehouse_code)s and record_time >= %(start)s and record_time < %(end)s
    ) as wrong_scans,
    (
        select count(*) from short_pick
        where warehouse_code = %(warehouse_code)s and record_time >= %(start)s and record_time < %(end)s
    ) as short_picks,
    (
        select count(*) from pick_task
        where warehouse_code = %(warehouse_code)s and close_time >= %(start)s and close_time < %(end)s
        and state in ('picked', 'short')
    ) as ended_picks
from counted

-- name: work
-- Time from each claim until the wave was done or handed over; a terminal that went silent worked for so long after its
-- last scan that counted.
with last_scan as (
    select wave_id, session_id, max(record_time) as last_time
    from pick_scan
    where warehouse_code = %(warehouse_code)s and record_time >= %(start)s and record_time < %(end)s
    and undo_time is null
    group by wave_id, session_id
)

select coalesce(
    sum(
        least(
            coalesce(wave_claim.end_time, %(end)s),
            coalesce(last_scan.last_time, wave_claim.begin_time) + %(silence)s
        ) - wave_claim.begin_time
    ),
    interval '0'
) as pick_time
from wave_claim
inner join wave on wave_claim.wave_id = wave.wave_id
left join last_scan
    on wave_claim.wave_id = last_scan.wave_id and wave_claim.session_id = last_scan.session_id
where wave.warehouse_code = %(warehouse_code)s
and wave_claim.begin_time >= %(start)s and wave_claim.begin_time < %(end)s

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

-- name: days
with done as (
    select
        (record_time at time zone %(zone)s)::date as day, wave_id, session_id, task_id, quantity, record_time
    from pick_scan
    where warehouse_code = %(warehouse_code)s and record_time >= %(start)s and record_time < %(end)s
    and undo_time is null
),

last_scan as (
    select wave_id, session_id, max(record_time) as last_time from done group by wave_id, session_id
),

lines as (
    select day, wave_id, count(distinct task_id) as lines, sum(quantity) as units from done group by day, wave_id
),

figures as (
    select
        day,
        lines.lines,
        units,
        wave.walk_m * lines / greatest(wave.task_count, lines) as walk_m,
        interval '0' as pick_time,
        0 as wrong_scans,
        0 as short_picks,
        0 as waves_done,
        0 as waves_on_time
    from lines
    inner join wave using (wave_id)
    union all
    select
        (wave_claim.begin_time at time zone %(zone)s)::date,
        0,
        0,
        0,
        least(
            coalesce(wave_claim.end_time, %(end)s),
            coalesce(last_scan.last_time, wave_claim.begin_time) + %(silence)s
        ) - wave_claim.begin_time,
        0,
        0,
        0,
        0
    from wave_claim
    inner join wave on wave_claim.wave_id = wave.wave_id
    left join last_scan
    on wave_claim.wave_id = last_scan.wave_id and wave_claim.session_id = last_scan.session_id
    where wave.warehouse_code = %(warehouse_code)s
    and wave_claim.begin_time >= %(start)s and wave_claim.begin_time < %(end)s
    union all
    select (record_time at time zone %(zone)s)::date, 0, 0, 0, interval '0', 1, 0, 0, 0
    from wrong_scan
    where warehouse_code = %(warehouse_code)s and record_time >= %(start)s and record_time < %(end)s
    union all
    select (record_time at time zone %(zone)s)::date, 0, 0, 0, interval '0', 0, 1, 0, 0
    from short_pick
    where warehouse_code = %(warehouse_code)s and record_time >= %(start)s and record_time < %(end)s
    union all
    select
        (end_time at time zone %(zone)s)::date,
        0,
        0,
        0,
        interval '0',
        0,
        0,
        1,
        (pickup_time is null or end_time <= pickup_time)::int
    from wave
    where warehouse_code = %(warehouse_code)s and state = 'done' and end_time >= %(start)s and end_time < %(end)s
)

select
    day::timestamp at time zone %(zone)s as day_start_time,
    sum(lines)::bigint as lines,
    sum(units)::bigint as units,
    sum(walk_m)::float8 as walk_m,
    sum(pick_time) as pick_time,
    sum(wrong_scans)::bigint as wrong_scans,
    sum(short_picks)::bigint as short_picks,
    sum(waves_done)::bigint as waves_done,
    sum(waves_on_time)::bigint as waves_on_time
from figures
group by day
order by day

-- name: pickers
-- Of a wave that several worked on, each has the walk by the lines that they picked.
with done as (
    select
        (record_time at time zone %(zone)s)::date as day, wave_id, session_id, task_id, quantity, record_time
    from pick_scan
    where warehouse_code = %(warehouse_code)s and record_time >= %(start)s and record_time < %(end)s
    and undo_time is null
),

last_scan as (
    select wave_id, session_id, max(record_time) as last_time from done group by wave_id, session_id
),

lines as (
    select day, session_id, wave_id, count(distinct task_id) as lines, sum(quantity) as units
    from done
    group by day, session_id, wave_id
),

figures as (
    select
        day,
        lines.session_id,
        lines.lines,
        units,
        wave.walk_m * lines / greatest(wave.task_count, lines) as walk_m,
        interval '0' as pick_time,
        0 as wrong_scans,
        0 as short_picks
    from lines
    inner join wave using (wave_id)
    union all
    select
        (wave_claim.begin_time at time zone %(zone)s)::date,
        wave_claim.session_id,
        0,
        0,
        0,
        least(
            coalesce(wave_claim.end_time, %(end)s),
            coalesce(last_scan.last_time, wave_claim.begin_time) + %(silence)s
        ) - wave_claim.begin_time,
        0,
        0
    from wave_claim
    inner join wave on wave_claim.wave_id = wave.wave_id
    left join last_scan
    on wave_claim.wave_id = last_scan.wave_id and wave_claim.session_id = last_scan.session_id
    where wave.warehouse_code = %(warehouse_code)s
    and wave_claim.begin_time >= %(start)s and wave_claim.begin_time < %(end)s
    union all
    select (record_time at time zone %(zone)s)::date, session_id, 0, 0, 0, interval '0', 1, 0
    from wrong_scan
    where warehouse_code = %(warehouse_code)s and record_time >= %(start)s and record_time < %(end)s
    and session_id is not null
    union all
    select (short_pick.record_time at time zone %(zone)s)::date, worker.session_id, 0, 0, 0, interval '0', 0, 1
    from short_pick
    inner join pick_task using (task_id)
    cross join lateral (
        select wave_claim.session_id from wave_claim
        where wave_claim.wave_id = pick_task.wave_id and wave_claim.begin_time <= short_pick.record_time
        order by wave_claim.begin_time desc
        limit 1
    ) as worker
    where short_pick.warehouse_code = %(warehouse_code)s
    and short_pick.record_time >= %(start)s and short_pick.record_time < %(end)s
)

select
    terminal_session.picker_code,
    day,
    day::timestamp at time zone %(zone)s as day_start_time,
    sum(lines)::bigint as lines,
    sum(units)::bigint as units,
    sum(walk_m)::float8 as walk_m,
    sum(pick_time) as pick_time,
    sum(wrong_scans)::bigint as wrong_scans,
    sum(short_picks)::bigint as short_picks
from figures
inner join terminal_session using (session_id)
where (day, terminal_session.picker_code) > (%(after_day)s::date, %(after_picker)s)
group by day, terminal_session.picker_code
order by day, terminal_session.picker_code
limit %(limit)s

-- name: short_bins
with short as (
    select bin_code, count(*) as short_picks, sum(missing_quantity)::bigint as missing_quantity
    from short_pick
    where warehouse_code = %(warehouse_code)s and record_time >= %(start)s and record_time < %(end)s
    group by bin_code
),

ended as (
    select bin_code, count(*) as picks
    from pick_task
    where warehouse_code = %(warehouse_code)s and close_time >= %(start)s and close_time < %(end)s
    and state in ('picked', 'short') and bin_code in (select bin_code from short)
    group by bin_code
)

select short.bin_code, greatest(coalesce(ended.picks, 0), short.short_picks) as picks, short_picks, missing_quantity
from short
left join ended using (bin_code)
order by short_picks desc, short_picks::float8 / greatest(coalesce(ended.picks, 0), short.short_picks) desc, bin_code
limit %(limit)s
