-- migrate:up

-- Counts the plannings of a warehouse. Its row lock makes those take turns who promise bins' units to picks, and its
-- revision tells a planner that somebody else did so since it read.
create table bin_promise (
    warehouse_code text constraint bin_promise_pkey primary key,
    revision bigint not null default 0
);

-- Totals of one planning, beside what other ways to walk would have taken.
create table plan (
    plan_id uuid constraint plan_pkey primary key,
    warehouse_code text not null,
    plan_time timestamptz not null default now(),
    wave_count bigint not null,
    order_count bigint not null,
    task_count bigint not null,
    walk_m float8 not null,
    order_by_order_walk_m float8 not null,
    first_come_s_shape_walk_m float8 not null,
    first_come_walk_m float8 not null,
    plan_duration_s float8 not null,
    actor text not null
);

create table terminal_session (
    session_id uuid constraint terminal_session_pkey primary key,
    terminal_code text not null,
    warehouse_code text not null,
    picker_code text not null,
    actor text not null,
    start_time timestamptz not null default now(),
    end_time timestamptz
);
create unique index terminal_session_one_per_terminal on terminal_session (warehouse_code, terminal_code)
where end_time is null;

-- What one picker takes with one cart in one walk.
create table wave (
    wave_id uuid constraint wave_pkey primary key,
    plan_id uuid not null constraint wave_of_plan references plan,
    place_in_plan bigint not null,
    warehouse_code text not null,
    state text not null default 'planned'
        constraint wave_state_known check (state in ('planned', 'claimed', 'paused', 'done', 'cancelled')),
    pickup_time timestamptz,
    courier_services text[] not null,
    latest_start_time timestamptz,
    task_count bigint not null,
    unit_count bigint not null,
    walk_m float8 not null,
    order_by_order_walk_m float8 not null,
    s_shape_walk_m float8 not null,
    routing_method text not null,
    plan_time timestamptz not null default now(),
    session_id uuid constraint wave_worked_by_session references terminal_session,
    cart_code text not null default '',
    terminal_code text not null default '',
    lease_expire_time timestamptz,
    start_time timestamptz,
    end_time timestamptz,
    revision bigint not null default 1,
    constraint wave_claimed_has_lease check (
        (state = 'claimed') = (lease_expire_time is not null)
        and (state <> 'claimed' or (session_id is not null and cart_code <> ''))
    ),
    constraint wave_over_has_time check ((state in ('done', 'cancelled')) = (end_time is not null))
);
create unique index wave_one_per_session on wave (session_id) where state = 'claimed';
create unique index wave_one_per_cart on wave (warehouse_code, cart_code) where state = 'claimed';
create index wave_live on wave (warehouse_code, pickup_time) where state in ('planned', 'claimed', 'paused');
create index wave_by_plan on wave (plan_id);
create index wave_newest on wave (plan_time desc, wave_id desc);

-- Not valid only means that rows which were there before are not looked at, and there were none.
alter table customer_order add constraint customer_order_rides_in_wave
foreign key (wave_id) references wave not valid;

-- Which orders a wave was planned for; kept when an order leaves it.
create table wave_order (
    wave_id uuid not null constraint wave_order_of_wave references wave,
    order_id uuid not null constraint wave_order_order_known references customer_order,
    tote_position bigint not null constraint wave_order_tote_positive check (tote_position > 0),
    alone_walk_m float8 not null,
    constraint wave_order_pkey primary key (wave_id, order_id),
    constraint wave_order_one_per_tote unique (wave_id, tote_position)
);
create index wave_order_by_order on wave_order (order_id);

-- So many of a SKU, from one bin, into one order's tote, at a place in the walk.
create table pick_task (
    task_id uuid constraint pick_task_pkey primary key,
    wave_id uuid not null,
    order_id uuid not null,
    warehouse_code text not null,
    sequence bigint not null,
    bin_code text not null,
    aisle_index bigint not null,
    y_m float8 not null,
    sku_code text not null,
    quantity bigint not null constraint pick_task_quantity_positive check (quantity > 0),
    picked_quantity bigint not null default 0,
    state text not null default 'open'
        constraint pick_task_state_known check (state in ('open', 'picked', 'short', 'cancelled')),
    replaces_task_id uuid constraint pick_task_replaces_task references pick_task,
    constraint pick_task_of_wave_order foreign key (wave_id, order_id) references wave_order,
    constraint pick_task_of_line foreign key (order_id, sku_code) references order_line,
    constraint pick_task_picked_within check (picked_quantity between 0 and quantity),
    constraint pick_task_picked_is_whole check ((state = 'picked') = (picked_quantity = quantity)),
    constraint pick_task_one_per_place unique (wave_id, sequence) deferrable initially deferred
);
create index pick_task_open on pick_task (warehouse_code, sku_code) where state = 'open';
create index pick_task_by_order on pick_task (order_id);

-- A wave with its orders by tote position: [order_id, tote_position, alone_walk_m].
create view whole_wave as
select
    wave.*,
    coalesce(riding.orders, '[]') as orders
from wave
left join lateral (
    select jsonb_agg(jsonb_build_array(order_id, tote_position, alone_walk_m) order by tote_position) as orders
    from wave_order
    where wave_order.wave_id = wave.wave_id
) as riding on true;

-- A pick with its order's place on the cart.
create view wave_task as
select
    pick_task.*,
    wave_order.tote_position
from pick_task
inner join wave_order using (wave_id, order_id);

do $$
declare
    service_role text := format('lumbung_%s', current_schema());
begin
    execute format('grant select, insert, update on bin_promise to %I', service_role);
    execute format('grant select, insert on plan to %I', service_role);
    execute format('grant select, insert, update on terminal_session to %I', service_role);
    execute format('grant select, insert, update on wave to %I', service_role);
    execute format('grant select, insert on wave_order to %I', service_role);
    execute format('grant select, insert, update on pick_task to %I', service_role);
    execute format('grant select on whole_wave, wave_task to %I', service_role);
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
