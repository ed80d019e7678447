-- name: insert
-- More of the same goods from the same bin are the same errand, also when it was done before.
insert into put_back (
    put_back_id, order_id, reservation_id, warehouse_code, sku_code, suggested_bin_code, quantity, unbooked_quantity
)
values (
    %(put_back_id)s, %(order_id)s, %(reservation_id)s, %(warehouse_code)s, %(sku_code)s, %(suggested_bin_code)s,
    %(quantity)s, %(unbooked_quantity)s
)
on conflict on constraint put_back_one_per_bin
do update set
    quantity = put_back.quantity + excluded.quantity,
    unbooked_quantity = put_back.unbooked_quantity + excluded.unbooked_quantity,
    state = 'open',
    done_time = null
returning put_back_id

-- name: get
select * from put_back where put_back_id = %(put_back_id)s

-- name: lock
select put_back_id from put_back where put_back_id = %(put_back_id)s for update

-- name: note_unbooked
-- Stock never saw this pick leave its bin.
update put_back set unbooked_quantity = unbooked_quantity + %(units)s
where order_id = %(order_id)s and sku_code = %(sku_code)s and suggested_bin_code = %(bin_code)s

-- name: save
update put_back
set
    returned_quantity = returned_quantity + %(units)s,
    unbooked_quantity = unbooked_quantity - %(unbooked_units)s,
    state = case when returned_quantity + %(units)s = quantity then 'done' else 'open' end,
    done_time = case when returned_quantity + %(units)s = quantity then now() end
where put_back_id = %(put_back_id)s

-- name: insert_scan
insert into put_back_scan (request_id, put_back_id, bin_code, quantity, booking_id, actor)
values (%(request_id)s, %(put_back_id)s, %(bin_code)s, %(quantity)s, %(booking_id)s, %(actor)s)

-- name: page
select * from put_back
where warehouse_code = %(warehouse_code)s
and state = %(state)s
and (%(order_id)s::uuid is null or order_id = %(order_id)s)
and (create_time, put_back_id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
order by create_time, put_back_id
limit %(limit)s
