-- migrate:up

-- Bins from which a SKU is picked, as somebody set them: when to refill them, and up to what.
create table pick_face (
    warehouse_code text not null,
    sku_code text not null,
    bin_code text not null,
    min_quantity bigint not null constraint pick_face_min_not_negative check (min_quantity >= 0),
    max_quantity bigint not null constraint pick_face_max_positive check (max_quantity > 0),
    actor text not null,
    update_time timestamptz not null default now(),
    constraint pick_face_pkey primary key (warehouse_code, sku_code, bin_code),
    constraint pick_face_max_from_min check (max_quantity >= min_quantity)
);

-- Goods that somebody carries, or carried, from bulk to a pick face. What is not claimed yet has no row: it follows from
-- what lies where.
create table replenishment (
    replenishment_id uuid constraint replenishment_pkey primary key,
    warehouse_code text not null,
    sku_code text not null,
    lot_code text not null,
    quantity bigint not null constraint replenishment_quantity_positive check (quantity > 0),
    from_bin_code text not null,
    to_bin_code text not null,
    reason text not null,
    needed_time timestamptz,
    state text not null default 'claimed'
        constraint replenishment_state_known check (state in ('claimed', 'booking', 'done', 'refused', 'released')),
    moved_quantity bigint not null default 0,
    session_id uuid not null constraint replenishment_in_session references terminal_session,
    terminal_code text not null,
    lease_expire_time timestamptz,
    stock_request_id text constraint replenishment_booked_once unique,
    attempt_count bigint not null default 0,
    last_error text not null default '',
    next_attempt_time timestamptz,
    create_time timestamptz not null default now(),
    end_time timestamptz,
    actor text not null,
    traceparent text not null,
    constraint replenishment_moved_within check (moved_quantity between 0 and quantity),
    constraint replenishment_claimed_has_lease check ((state = 'claimed') = (lease_expire_time is not null)),
    constraint replenishment_carried_is_booked check (
        (state in ('booking', 'done', 'refused')) = (stock_request_id is not null and moved_quantity > 0)
    ),
    constraint replenishment_over_has_time check ((state in ('done', 'refused', 'released')) = (end_time is not null))
);
create unique index replenishment_one_per_session on replenishment (session_id) where state = 'claimed';
create unique index replenishment_claimed_once
on replenishment (warehouse_code, sku_code, from_bin_code, lot_code, to_bin_code) where state = 'claimed';
create index replenishment_live on replenishment (warehouse_code, sku_code) where state in ('claimed', 'booking');
create index replenishment_done on replenishment (warehouse_code, end_time) where state = 'done';
create index replenishment_due on replenishment (next_attempt_time) where state = 'booking';

do $$
declare
    service_role text := format('lumbung_%s', current_schema());
begin
    execute format('grant select, insert, update, delete on pick_face to %I', service_role);
    execute format('grant select, insert, update on replenishment to %I', service_role);
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
