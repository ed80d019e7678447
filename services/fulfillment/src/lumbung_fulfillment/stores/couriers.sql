-- name: get_schedule
select * from pickup_schedule where warehouse_code = %(warehouse_code)s and courier_service = %(courier_service)s

-- name: schedules_of
select * from pickup_schedule where warehouse_code = any(%(warehouse_codes)s) order by warehouse_code, courier_service

-- name: page
select * from pickup_schedule
where warehouse_code = %(warehouse_code)s and courier_service > %(after)s
order by courier_service
limit %(limit)s

-- name: take_turn
-- Changes of one warehouse's schedules come one after another, so that there is one default at any time.
select pg_advisory_xact_lock(hashtextextended('pickup_schedule ' || %(warehouse_code)s, 0))

-- name: lock_schedules
select courier_service, version from pickup_schedule
where warehouse_code = %(warehouse_code)s
order by courier_service
for update

-- name: drop_default
update pickup_schedule set is_default = false
where warehouse_code = %(warehouse_code)s and courier_service <> %(courier_service)s and is_default

-- name: put_schedule
insert into pickup_schedule (
    warehouse_code, courier_service, time_zone, pickups, closed_dates, ready_before, is_default,
    rests_on_holidays, rests_on_joint_leave, version, actor
)
values (
    %(warehouse_code)s, %(courier_service)s, %(time_zone)s, %(pickups)s, %(closed_dates)s, %(ready_before)s,
    %(is_default)s, %(rests_on_holidays)s, %(rests_on_joint_leave)s, 1, %(actor)s
)
on conflict on constraint pickup_schedule_pkey do update set
    time_zone = excluded.time_zone,
    pickups = excluded.pickups,
    closed_dates = excluded.closed_dates,
    ready_before = excluded.ready_before,
    is_default = excluded.is_default,
    rests_on_holidays = excluded.rests_on_holidays,
    rests_on_joint_leave = excluded.rests_on_joint_leave,
    version = pickup_schedule.version + 1,
    actor = excluded.actor,
    update_time = now()
returning *

-- name: get_team
select * from team where warehouse_code = %(warehouse_code)s

-- name: teams_of
select * from team where warehouse_code = any(%(warehouse_codes)s)

-- name: lock_team
select version from team where warehouse_code = %(warehouse_code)s for update

-- name: put_team
insert into team (
    warehouse_code, picker_count, packer_count, per_line, per_cart, per_pack, walk_speed_mps, version, actor
)
values (
    %(warehouse_code)s, %(picker_count)s, %(packer_count)s, %(per_line)s, %(per_cart)s, %(per_pack)s,
    %(walk_speed_mps)s, 1, %(actor)s
)
on conflict on constraint team_pkey do update set
    picker_count = excluded.picker_count,
    packer_count = excluded.packer_count,
    per_line = excluded.per_line,
    per_cart = excluded.per_cart,
    per_pack = excluded.per_pack,
    walk_speed_mps = excluded.walk_speed_mps,
    version = team.version + 1,
    actor = excluded.actor,
    update_time = now()
returning *
