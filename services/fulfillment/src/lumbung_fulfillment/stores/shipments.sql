-- name: insert
insert into shipment (
    shipment_id, order_id, package_id, courier_service, tracking_number, pickup_time, booking_id, actor
)
values (
    %(shipment_id)s, %(order_id)s, %(package_id)s, %(courier_service)s, %(tracking_number)s, %(pickup_time)s,
    %(booking_id)s, %(actor)s
)

-- name: get
select * from shipment_under_way where shipment_id = %(shipment_id)s

-- name: of_booking
select * from shipment_under_way where booking_id = %(booking_id)s

-- name: page
select * from shipment_under_way
where (create_time, shipment_id) < (%(before_time)s::timestamptz, %(before_id)s::uuid)
and (%(warehouse_code)s = '' or warehouse_code = %(warehouse_code)s)
and (%(order_id)s::uuid is null or order_id = %(order_id)s)
order by create_time desc, shipment_id desc
limit %(limit)s

-- name: of_pickup
-- What goes along with a courier, or went along: what is meant for this pickup, what an earlier one has left behind,
-- and what is meant for none.
select * from shipment_under_way
where warehouse_code = %(warehouse_code)s and courier_service = %(courier_service)s
and state = 'shipped'
and (
    coalesce(taken_by_pickup_time, pickup_time) = %(pickup_time)s
    or (
        taken_by_pickup_time is null
        and (pickup_time is null or pickup_time < least(%(pickup_time)s, clock_timestamp()))
    )
)
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

-- name: lock
-- After their orders, where those are locked too.
select shipment_id from shipment where shipment_id = any(%(shipment_ids)s) order by shipment_id for update

-- name: get_all
select * from shipment_under_way where shipment_id = any(%(shipment_ids)s)

-- name: insert_hand_over
insert into hand_over (
    hand_over_id, warehouse_code, courier_service, pickup_time, courier_reference, signed_by, actor
)
values (
    %(hand_over_id)s, %(warehouse_code)s, %(courier_service)s, %(pickup_time)s, %(courier_reference)s, %(signed_by)s,
    %(actor)s
)

-- name: insert_hand_over_parcels
insert into hand_over_parcel (shipment_id, hand_over_id)
select shipment_id, %(hand_over_id)s from unnest(%(shipment_ids)s::uuid[]) as parcel (shipment_id)

-- name: of_hand_over
select * from shipment_under_way where hand_over_id = %(hand_over_id)s order by order_reference, shipment_id

-- name: get_hand_over
select hand_over.*, parcels.parcel_count
from hand_over
cross join lateral (
    select count(*) as parcel_count from hand_over_parcel
    where hand_over_parcel.hand_over_id = hand_over.hand_over_id
) as parcels
where hand_over_id = %(hand_over_id)s

-- name: hand_overs_of_pickup
select hand_over.*, parcels.parcel_count
from hand_over
cross join lateral (
    select count(*) as parcel_count from hand_over_parcel
    where hand_over_parcel.hand_over_id = hand_over.hand_over_id
) as parcels
where warehouse_code = %(warehouse_code)s and courier_service = %(courier_service)s and pickup_time = %(pickup_time)s
order by hand_over_time, hand_over_id
limit %(limit)s
