-- name: insert
insert into shipment (
    shipment_id, order_id, package_id, courier_service, tracking_number, pickup_time, booking_id, actor
)
values (
    %(shipment_id)s, %(order_id)s, %(package_id)s, %(courier_service)s, %(tracking_number)s, %(pickup_time)s,
    %(booking_id)s, %(actor)s
)

-- name: get
select * from whole_shipment where shipment_id = %(shipment_id)s

-- name: of_booking
select * from whole_shipment where booking_id = %(booking_id)s

-- name: page
select * from whole_shipment
where (create_time, shipment_id) < (%(before_time)s::timestamptz, %(before_id)s::uuid)
and (%(warehouse_code)s = '' or warehouse_code = %(warehouse_code)s)
and (%(order_id)s::uuid is null or order_id = %(order_id)s)
order by create_time desc, shipment_id desc
limit %(limit)s

-- name: of_pickup
-- What goes along with a courier.
select * from whole_shipment
where warehouse_code = %(warehouse_code)s and courier_service = %(courier_service)s and pickup_time = %(pickup_time)s
and state = 'shipped'
order by order_reference, shipment_id
limit %(limit)s

-- name: missing_from_pickup
-- Orders that a courier should take and that are not ready.
select order_id from customer_order
where warehouse_code = %(warehouse_code)s and courier_service = %(courier_service)s and pickup_time = %(pickup_time)s
and state not in ('shipped', 'cancelled')
order by order_id
limit %(limit)s

-- name: settle
update shipment set state = %(state)s, ship_time = case when %(state)s = 'shipped' then now() end
where booking_id = %(booking_id)s and state = 'shipping'

-- name: void_of_order
update shipment set state = 'void' where order_id = %(order_id)s and state = 'shipping'
