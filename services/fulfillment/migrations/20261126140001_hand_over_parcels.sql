-- migrate:up

-- A courier has taken parcels, and somebody has signed for them.
create table hand_over (
    hand_over_id uuid constraint hand_over_pkey primary key,
    warehouse_code text not null,
    courier_service text not null,
    pickup_time timestamptz not null,
    courier_reference text not null,
    signed_by text not null,
    actor text not null,
    hand_over_time timestamptz not null default now(),
    constraint hand_over_is_signed check (courier_reference <> '' or signed_by <> '')
);
create index hand_over_by_pickup on hand_over (warehouse_code, courier_service, pickup_time);

-- A parcel is handed over once. The shipment itself stays 'shipped': for stock it has left, whoever carries it.
create table hand_over_parcel (
    shipment_id uuid constraint hand_over_parcel_pkey primary key
    constraint hand_over_parcel_of_shipment references shipment,
    hand_over_id uuid not null constraint hand_over_parcel_of_hand_over references hand_over
);
create index hand_over_parcel_by_hand_over on hand_over_parcel (hand_over_id);

-- A shipment with the hand-over in which the courier took it.
create view shipment_under_way as
select
    whole_shipment.*,
    hand_over.hand_over_id,
    hand_over.hand_over_time,
    hand_over.pickup_time as taken_by_pickup_time
from whole_shipment
left join hand_over_parcel using (shipment_id)
left join hand_over using (hand_over_id);

do $$
declare
    service_role text := format('lumbung_%s', current_schema());
begin
    execute format('grant select, insert on hand_over to %I', service_role);
    execute format('grant select, insert on hand_over_parcel to %I', service_role);
    execute format('grant select on shipment_under_way to %I', service_role);
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
