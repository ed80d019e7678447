-- name: insert_pick_scan
insert into pick_scan (
    request_id, task_id, order_id, wave_id, warehouse_code, session_id, quantity, booking_id, scan_time, actor
)
values (
    %(request_id)s, %(task_id)s, %(order_id)s, %(wave_id)s, %(warehouse_code)s, %(session_id)s, %(quantity)s,
    %(booking_id)s, least(%(scan_time)s::timestamptz, now()), %(actor)s
)

-- name: insert_stray_scan
insert into stray_scan (
    request_id, task_id, order_id, warehouse_code, session_id, quantity, put_back_id, scan_time, actor
)
values (
    %(request_id)s, %(task_id)s, %(order_id)s, %(warehouse_code)s, %(session_id)s, %(quantity)s, %(put_back_id)s,
    least(%(scan_time)s::timestamptz, now()), %(actor)s
)

-- name: get_pick_scan
select request_id, task_id, order_id, wave_id, quantity, booking_id, undo_time
from pick_scan where request_id = %(request_id)s

-- name: counts
-- Whether the pick that a booking is about has not been taken back.
select 1 from pick_scan where booking_id = %(booking_id)s and undo_time is null

-- name: undo_pick_scan
update pick_scan set undo_time = now(), undone_by = %(undone_by)s where request_id = %(request_id)s

-- name: picked_of_order
-- What was picked of an order and not put back, by SKU and bin; and how much of it stock never saw leave the bin.
select
    pick_task.sku_code,
    pick_task.bin_code,
    sum(pick_scan.quantity)::bigint as quantity,
    coalesce(sum(pick_scan.quantity) filter (where booking.state = 'void'), 0)::bigint as unbooked_quantity
from pick_scan
inner join pick_task using (task_id)
inner join booking using (booking_id)
where pick_scan.order_id = %(order_id)s and pick_scan.undo_time is null
group by pick_task.sku_code, pick_task.bin_code
order by pick_task.sku_code, pick_task.bin_code

-- name: insert_wrong_scan
-- Once per scan, however often it is sent.
insert into wrong_scan (
    method, request_id, content_hash, warehouse_code, order_id, session_id, reason, message, metadata, actor
)
values (
    %(method)s, %(request_id)s, %(content_hash)s, %(warehouse_code)s, %(order_id)s, %(session_id)s, %(reason)s,
    %(message)s, %(metadata)s, %(actor)s
)
on conflict on constraint wrong_scan_pkey do nothing

-- name: get_wrong_scan
select content_hash, reason, message, metadata from wrong_scan
where method = %(method)s and request_id = %(request_id)s

-- name: insert_short_pick
insert into short_pick (
    task_id, order_id, warehouse_code, bin_code, sku_code, missing_quantity, resourced_quantity, booking_id, note, actor
)
values (
    %(task_id)s, %(order_id)s, %(warehouse_code)s, %(bin_code)s, %(sku_code)s, %(missing_quantity)s,
    %(resourced_quantity)s, %(booking_id)s, %(note)s, %(actor)s
)
