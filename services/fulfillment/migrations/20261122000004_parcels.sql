-- migrate:up

-- A parcel: every item of its order is checked into it.
create table package (
    package_id uuid constraint package_pkey primary key,
    order_id uuid not null constraint package_of_order references customer_order,
    state text not null default 'open' constraint package_state_known check (state in ('open', 'closed', 'void')),
    station_code text not null,
    weight_g bigint not null default 0 constraint package_weight_not_negative check (weight_g >= 0),
    create_time timestamptz not null default now(),
    close_time timestamptz,
    actor text not null,
    constraint package_closed_has_time check (state <> 'closed' or close_time is not null)
);
create unique index package_one_per_order on package (order_id) where state <> 'void';

create table package_item (
    package_id uuid not null constraint package_item_of_package references package,
    sku_code text not null,
    quantity bigint not null constraint package_item_quantity_positive check (quantity > 0),
    checked_quantity bigint not null default 0,
    constraint package_item_pkey primary key (package_id, sku_code),
    constraint package_item_checked_within check (checked_quantity between 0 and quantity)
);

-- A parcel on its way out.
create table shipment (
    shipment_id uuid constraint shipment_pkey primary key,
    order_id uuid not null constraint shipment_of_order references customer_order,
    package_id uuid not null constraint shipment_of_package references package,
    state text not null default 'shipping'
        constraint shipment_state_known check (state in ('shipping', 'shipped', 'void')),
    courier_service text not null,
    tracking_number text not null,
    pickup_time timestamptz,
    booking_id uuid not null constraint shipment_is_booked references booking,
    create_time timestamptz not null default now(),
    ship_time timestamptz,
    actor text not null,
    constraint shipment_shipped_has_time check ((state = 'shipped') = (ship_time is not null))
);
create unique index shipment_one_per_order on shipment (order_id) where state <> 'void';
create unique index shipment_by_booking on shipment (booking_id);
create index shipment_newest on shipment (create_time desc, shipment_id desc);

-- Goods that came back.
create table goods_return (
    return_id uuid constraint goods_return_pkey primary key,
    order_id uuid not null constraint goods_return_of_order references customer_order,
    warehouse_code text not null,
    state text not null default 'received'
        constraint goods_return_state_known check (state in ('received', 'inspected')),
    reason text not null constraint goods_return_reason_known check (
        reason in ('changed_mind', 'damaged', 'wrong_item', 'defective', 'undelivered', 'other')
    ),
    note text not null,
    receive_time timestamptz not null default now(),
    inspect_time timestamptz,
    actor text not null,
    constraint goods_return_inspected_has_time check ((state = 'inspected') = (inspect_time is not null))
);
create index goods_return_newest on goods_return (receive_time desc, return_id desc);
create index goods_return_by_order on goods_return (order_id);

create table goods_return_line (
    return_id uuid not null constraint goods_return_line_of_return references goods_return,
    sku_code text not null,
    quantity bigint not null constraint goods_return_line_quantity_positive check (quantity > 0),
    restocked_quantity bigint not null default 0,
    quarantined_quantity bigint not null default 0,
    scrapped_quantity bigint not null default 0,
    constraint goods_return_line_pkey primary key (return_id, sku_code),
    constraint goods_return_line_decided_within check (
        restocked_quantity >= 0 and quarantined_quantity >= 0 and scrapped_quantity >= 0
        and restocked_quantity + quarantined_quantity + scrapped_quantity <= quantity
    )
);

create table return_decision (
    booking_id uuid constraint return_decision_pkey primary key
        constraint return_decision_is_booked references booking,
    return_id uuid not null constraint return_decision_of_return references goods_return,
    sku_code text not null,
    quantity bigint not null constraint return_decision_quantity_positive check (quantity > 0),
    condition text not null
        constraint return_decision_condition_known check (condition in ('restock', 'quarantine', 'scrap')),
    bin_code text not null,
    note text not null,
    photo_reference text not null,
    actor text not null,
    record_time timestamptz not null default now()
);
create index return_decision_by_return on return_decision (return_id);

-- A parcel with its items by SKU: [sku_code, quantity, checked_quantity].
create view whole_package as
select
    package.*,
    customer_order.note,
    packed.items
from package
inner join customer_order using (order_id)
left join lateral (
    select jsonb_agg(jsonb_build_array(sku_code, quantity, checked_quantity) order by sku_code) as items
    from package_item
    where package_item.package_id = package.package_id
) as packed on true;

-- A return with its lines by SKU: [sku_code, quantity, restocked, quarantined, scrapped].
create view whole_return as
select
    goods_return.*,
    back.lines
from goods_return
left join lateral (
    select
        jsonb_agg(
            jsonb_build_array(
                sku_code, quantity, restocked_quantity, quarantined_quantity, scrapped_quantity
            ) order by sku_code
        ) as lines
    from goods_return_line
    where goods_return_line.return_id = goods_return.return_id
) as back on true;

-- A shipment with what it is known by elsewhere.
create view whole_shipment as
select
    shipment.*,
    customer_order.reservation_id,
    customer_order.warehouse_code,
    customer_order.channel_code,
    customer_order.order_reference
from shipment
inner join customer_order using (order_id);

do $$
declare
    service_role text := format('lumbung_%s', current_schema());
begin
    execute format('grant select, insert, update on package to %I', service_role);
    execute format('grant select, insert, update on package_item to %I', service_role);
    execute format('grant select, insert, update on shipment to %I', service_role);
    execute format('grant select, insert, update on goods_return to %I', service_role);
    execute format('grant select, insert, update on goods_return_line to %I', service_role);
    execute format('grant select, insert on return_decision to %I', service_role);
    execute format('grant select on whole_package, whole_return, whole_shipment to %I', service_role);
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
