-- name: insert
insert into package (package_id, order_id, station_code, actor)
values (%(package_id)s, %(order_id)s, %(station_code)s, %(actor)s)

-- name: insert_items
insert into package_item (package_id, sku_code, quantity)
select %(package_id)s, sku_code, quantity from order_line where order_id = %(order_id)s and quantity > 0

-- name: get
select * from weighed_package where package_id = %(package_id)s

-- name: of_order
-- The parcel of an order that is not void.
select * from weighed_package where order_id = %(order_id)s and state <> 'void'

-- name: lock
-- After the order.
select package_id from package where package_id = %(package_id)s for update

-- name: save_checked
update package_item set checked_quantity = %(checked_quantity)s
where package_id = %(package_id)s and sku_code = %(sku_code)s

-- name: close
update package
set
    state = 'closed',
    weight_g = %(weight_g)s,
    contents_weight_g = %(contents_weight_g)s,
    packaging_weight_g = %(packaging_weight_g)s,
    weight_override_reason = %(override_reason)s,
    close_time = now()
where package_id = %(package_id)s

-- name: void_of_order
update package set state = 'void' where order_id = %(order_id)s and state <> 'void'

-- name: totes_of_order
-- The carts' totes into which goods of an order were picked, the first first.
select wave.cart_code, wave_order.tote_position
from wave_order
inner join wave using (wave_id)
where wave_order.order_id = %(order_id)s
and exists (
    select 1 from pick_scan
    where pick_scan.order_id = wave_order.order_id and pick_scan.wave_id = wave_order.wave_id
    and pick_scan.undo_time is null
)
order by wave.start_time, wave.wave_id
limit %(limit)s

-- name: tracking_number
-- The courier's number of a parcel that is on its way out.
select tracking_number from shipment where package_id = %(package_id)s and state <> 'void'
