-- migrate:up

-- When which courier comes to which warehouse. `pickups` is a list of [weekday, hour, minute], Monday is 1.
create table pickup_schedule (
    warehouse_code text not null,
    courier_service text not null,
    time_zone text not null,
    pickups jsonb not null,
    closed_dates date[] not null,
    ready_before interval not null constraint pickup_schedule_ready_before_not_negative check (ready_before >= '0'),
    is_default boolean not null,
    version bigint not null constraint pickup_schedule_version_positive check (version > 0),
    actor text not null,
    update_time timestamptz not null default now(),
    constraint pickup_schedule_pkey primary key (warehouse_code, courier_service)
);
create unique index pickup_schedule_one_default on pickup_schedule (warehouse_code) where is_default;

-- Who is on shift and how fast a step is.
create table team (
    warehouse_code text constraint team_pkey primary key,
    picker_count bigint not null constraint team_has_pickers check (picker_count > 0),
    packer_count bigint not null constraint team_has_packers check (packer_count > 0),
    per_line interval not null,
    per_cart interval not null,
    per_pack interval not null,
    walk_speed_mps float8 not null constraint team_walks check (walk_speed_mps > 0),
    version bigint not null constraint team_version_positive check (version > 0),
    actor text not null,
    update_time timestamptz not null default now()
);

-- What one warehouse has to send for one confirmed reservation.
create table customer_order (
    order_id uuid constraint customer_order_pkey primary key,
    reservation_id uuid not null,
    warehouse_code text not null,
    channel_code text not null,
    order_reference text not null,
    state text not null default 'queued' constraint customer_order_state_known check (state in (
        'queued', 'planned', 'picking', 'short', 'picked', 'packed', 'shipping', 'shipped', 'cancelled', 'held'
    )),
    wanted_courier text not null,
    courier_service text not null,
    pickup_time timestamptz,
    priority bigint not null,
    note text not null,
    wave_id uuid,
    tote_position bigint not null default 0,
    place_time timestamptz not null,
    accept_time timestamptz not null default now(),
    pick_start_time timestamptz,
    pick_end_time timestamptz,
    pack_time timestamptz,
    ship_time timestamptz,
    cancel_time timestamptz,
    reason text not null default '',
    revision bigint not null default 1,
    constraint customer_order_one_per_reservation unique (reservation_id, warehouse_code),
    constraint customer_order_rides_when_planned check ((state in ('planned', 'picking')) = (wave_id is not null)),
    constraint customer_order_shipped_has_time check ((state = 'shipped') = (ship_time is not null)),
    constraint customer_order_cancelled_has_time check ((state = 'cancelled') = (cancel_time is not null))
);
create index customer_order_open on customer_order (warehouse_code, state)
where state not in ('shipped', 'cancelled');
create index customer_order_by_wave on customer_order (wave_id) where wave_id is not null;
create index customer_order_by_reference on customer_order (channel_code, order_reference);
create index customer_order_by_acceptance on customer_order (accept_time, order_id);

create table order_line (
    order_id uuid not null,
    sku_code text not null,
    quantity bigint not null constraint order_line_quantity_positive check (quantity > 0),
    picked_quantity bigint not null default 0,
    short_quantity bigint not null default 0 constraint order_line_short_not_negative check (short_quantity >= 0),
    constraint order_line_pkey primary key (order_id, sku_code),
    constraint order_line_of_order foreign key (order_id) references customer_order,
    constraint order_line_picked_within check (picked_quantity between 0 and quantity)
);

-- As the buyer asked, for the packing slip.
create table order_sale_line (
    order_id uuid not null,
    line_number bigint not null,
    sku_code text not null,
    quantity bigint not null constraint order_sale_line_quantity_positive check (quantity > 0),
    constraint order_sale_line_pkey primary key (order_id, line_number),
    constraint order_sale_line_of_order foreign key (order_id) references customer_order
);

-- Every state an order was in, who brought it there, and when. Only ever appended to.
create table order_change (
    order_id uuid not null,
    revision bigint not null,
    state text not null,
    reason text not null,
    actor text not null,
    record_time timestamptz not null default now(),
    constraint order_change_pkey primary key (order_id, revision),
    constraint order_change_of_order foreign key (order_id) references customer_order
);

-- An order with its lines by SKU [sku_code, quantity, picked_quantity, short_quantity], and as the buyer asked.
create view whole_order as
select
    customer_order.*,
    coalesce(needed.lines, '[]') as lines,
    coalesce(asked.sale_lines, '[]') as sale_lines
from customer_order
left join lateral (
    select
        jsonb_agg(
            jsonb_build_array(sku_code, quantity, picked_quantity, short_quantity) order by sku_code
        ) as lines
    from order_line
    where order_line.order_id = customer_order.order_id
) as needed on true
left join lateral (
    select jsonb_agg(jsonb_build_array(sku_code, quantity) order by line_number) as sale_lines
    from order_sale_line
    where order_sale_line.order_id = customer_order.order_id
) as asked on true;

do $$
declare
    service_role text := format('lumbung_%s', current_schema());
begin
    execute format('grant select, insert, update on pickup_schedule to %I', service_role);
    execute format('grant select, insert, update on team to %I', service_role);
    execute format('grant select, insert, update on customer_order to %I', service_role);
    execute format('grant select, insert, update on order_line to %I', service_role);
    execute format('grant select, insert on order_sale_line to %I', service_role);
    execute format('grant select, insert on order_change to %I', service_role);
    execute format('grant select on whole_order to %I', service_role);
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
