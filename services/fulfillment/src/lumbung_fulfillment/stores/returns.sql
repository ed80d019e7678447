-- name: insert
insert into goods_return (return_id, order_id, warehouse_code, reason, note, actor)
values (%(return_id)s, %(order_id)s, %(warehouse_code)s, %(reason)s, %(note)s, %(actor)s)

-- name: insert_lines
insert into goods_return_line (return_id, sku_code, quantity)
select %(return_id)s, line.sku_code, line.quantity
from unnest(%(sku_codes)s::text[], %(quantities)s::bigint[]) as line (sku_code, quantity)

-- name: returned_of_order
select goods_return_line.sku_code, sum(goods_return_line.quantity)::bigint as quantity
from goods_return
inner join goods_return_line using (return_id)
where goods_return.order_id = %(order_id)s
group by goods_return_line.sku_code

-- name: get
select * from whole_return where return_id = %(return_id)s

-- name: lock
select return_id from goods_return where return_id = %(return_id)s for update

-- name: insert_decision
insert into return_decision (
    booking_id, return_id, sku_code, quantity, condition, bin_code, note, photo_reference, actor
)
values (
    %(booking_id)s, %(return_id)s, %(sku_code)s, %(quantity)s, %(condition)s, %(bin_code)s, %(note)s,
    %(photo_reference)s, %(actor)s
)

-- name: decide
-- The constraint goods_return_line_decided_within keeps the sum within what came back.
update goods_return_line
set
    restocked_quantity = restocked_quantity + case when %(condition)s = 'restock' then %(quantity)s else 0 end,
    quarantined_quantity = quarantined_quantity + case when %(condition)s = 'quarantine' then %(quantity)s else 0 end,
    scrapped_quantity = scrapped_quantity + case when %(condition)s = 'scrap' then %(quantity)s else 0 end
where return_id = %(return_id)s and sku_code = %(sku_code)s

-- name: finish_if_decided
update goods_return set state = 'inspected', inspect_time = now()
where return_id = %(return_id)s and state = 'received'
and not exists (
    select 1 from goods_return_line
    where goods_return_line.return_id = %(return_id)s
    and goods_return_line.quantity > restocked_quantity + quarantined_quantity + scrapped_quantity
)

-- name: bookings_of
select booking_id from return_decision where return_id = any(%(return_ids)s)

-- name: page
select * from whole_return
where (receive_time, return_id) < (%(before_time)s::timestamptz, %(before_id)s::uuid)
and (%(warehouse_code)s = '' or warehouse_code = %(warehouse_code)s)
and (%(state)s = '' or state = %(state)s)
and (%(order_id)s::uuid is null or order_id = %(order_id)s)
and (
    not %(is_late)s
    or (coalesce(inspect_time, now()) at time zone %(zone)s)::date > (receive_time at time zone %(zone)s)::date
)
order by receive_time desc, return_id desc
limit %(limit)s

-- name: expect
insert into expected_return (return_id, order_id, warehouse_code, reason, actor)
values (%(return_id)s, %(order_id)s, %(warehouse_code)s, %(reason)s, %(actor)s)

-- name: expect_lines
insert into expected_return_line (return_id, sku_code, quantity)
select %(return_id)s, line.sku_code, line.quantity
from unnest(%(sku_codes)s::text[], %(quantities)s::bigint[]) as line (sku_code, quantity)

-- name: expected_of_order
select expected_return_line.sku_code, sum(expected_return_line.quantity)::bigint as quantity
from expected_return
inner join expected_return_line using (return_id)
where expected_return.order_id = %(order_id)s and expected_return.arrive_time is null
group by expected_return_line.sku_code

-- name: arrive
-- The order is locked.
update expected_return set arrive_time = now()
where return_id = (
    select return_id from expected_return
    where order_id = %(order_id)s and arrive_time is null
    order by announce_time, return_id
    limit 1
)
returning return_id

-- name: get_expected
select * from whole_expected_return where return_id = %(return_id)s

-- name: expected_page
select * from whole_expected_return
where (announce_time, return_id) < (%(before_time)s::timestamptz, %(before_id)s::uuid) and arrive_time is null
and (%(warehouse_code)s = '' or warehouse_code = %(warehouse_code)s)
and (%(order_id)s::uuid is null or order_id = %(order_id)s)
order by announce_time desc, return_id desc
limit %(limit)s
