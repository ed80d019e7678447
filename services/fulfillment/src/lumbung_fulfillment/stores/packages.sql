-- name: insert
insert into package (package_id, order_id, station_code, actor)
values (%(package_id)s, %(order_id)s, %(station_code)s, %(actor)s)

-- name: insert_items
insert into package_item (package_id, sku_code, quantity)
select %(package_id)s, sku_code, quantity from order_line where order_id = %(order_id)s and quantity > 0

-- name: get
select * from whole_package where package_id = %(package_id)s

-- name: of_order
-- The parcel of an order that is not void.
select * from whole_package where order_id = %(order_id)s and state <> 'void'

-- name: lock
-- After the order.
select package_id from package where package_id = %(package_id)s for update

-- name: save_checked
update package_item set checked_quantity = %(checked_quantity)s
where package_id = %(package_id)s and sku_code = %(sku_code)s

-- name: close
update package set state = 'closed', weight_g = %(weight_g)s, close_time = now() where package_id = %(package_id)s

-- name: void_of_order
update package set state = 'void' where order_id = %(order_id)s and state <> 'void'
