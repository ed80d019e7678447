-- migrate:up

-- Physical steps on their way to stock's ledger, in order per customer order.
create table booking (
    booking_id uuid constraint booking_pkey primary key,
    place bigint generated always as identity constraint booking_place_once unique,
    order_id uuid not null constraint booking_of_order references customer_order,
    kind text not null
        constraint booking_kind_known check (kind in ('pick', 'short_pick', 'put_back', 'ship', 'return', 'move')),
    state text not null default 'queued'
        constraint booking_state_known check (state in ('queued', 'done', 'refused', 'void')),
    stock_request_id text not null constraint booking_stock_request_id_once unique,
    reservation_id uuid not null,
    warehouse_code text not null,
    sku_code text not null,
    bin_code text not null,
    to_bin_code text not null,
    quantity bigint not null constraint booking_quantity_not_negative check (quantity >= 0),
    condition text constraint booking_condition_known check (condition in ('restock', 'quarantine', 'scrap')),
    document text not null,
    reason text not null,
    undoes_booking_id uuid constraint booking_undoes_booking references booking,
    attempt_count bigint not null default 0,
    last_error text not null default '',
    create_time timestamptz not null default now(),
    next_attempt_time timestamptz not null,
    done_time timestamptz,
    actor text not null,
    traceparent text not null,
    constraint booking_done_has_time check ((state in ('done', 'void')) = (done_time is not null))
);
create index booking_unfinished on booking (order_id, place) where state in ('queued', 'refused');
create index booking_due on booking (next_attempt_time) where state = 'queued';
create index booking_by_order on booking (order_id, place);

-- Picks that counted, by the id that the terminal gave the scan.
create table pick_scan (
    request_id text constraint pick_scan_pkey primary key,
    task_id uuid not null constraint pick_scan_of_task references pick_task,
    order_id uuid not null,
    wave_id uuid not null,
    warehouse_code text not null,
    session_id uuid not null constraint pick_scan_in_session references terminal_session,
    quantity bigint not null constraint pick_scan_quantity_positive check (quantity > 0),
    booking_id uuid not null constraint pick_scan_is_booked references booking,
    scan_time timestamptz not null,
    record_time timestamptz not null default now(),
    actor text not null,
    undo_time timestamptz,
    undone_by text not null default ''
);
create index pick_scan_by_task on pick_scan (task_id);
create index pick_scan_by_order on pick_scan (order_id);
create index pick_scan_by_booking on pick_scan (booking_id);
create index pick_scan_by_time on pick_scan (warehouse_code, record_time);

-- Scans that were refused, each counted once however often it is sent; the refusal is given again.
create table wrong_scan (
    method text not null,
    request_id text not null,
    content_hash bytea not null,
    warehouse_code text not null,
    order_id uuid,
    reason text not null,
    message text not null,
    metadata jsonb not null,
    actor text not null,
    record_time timestamptz not null default now(),
    constraint wrong_scan_pkey primary key (method, request_id)
);
create index wrong_scan_by_time on wrong_scan (warehouse_code, record_time);

-- A picker found less than was asked.
create table short_pick (
    task_id uuid constraint short_pick_pkey primary key constraint short_pick_of_task references pick_task,
    order_id uuid not null,
    warehouse_code text not null,
    bin_code text not null,
    sku_code text not null,
    missing_quantity bigint not null constraint short_pick_missing_positive check (missing_quantity > 0),
    resourced_quantity bigint not null
        constraint short_pick_resourced_within check (resourced_quantity between 0 and missing_quantity),
    booking_id uuid constraint short_pick_is_booked references booking,
    note text not null,
    actor text not null,
    record_time timestamptz not null default now()
);
create index short_pick_by_time on short_pick (warehouse_code, record_time);

-- Nobody is sent to this bin for this SKU until stock says that goods came to it or that it was counted.
create table bin_doubt (
    warehouse_code text not null,
    bin_code text not null,
    sku_code text not null,
    raise_time timestamptz not null default now(),
    constraint bin_doubt_pkey primary key (warehouse_code, bin_code, sku_code)
);

-- Goods of a cancelled order that have to go back to a bin.
create table put_back (
    put_back_id uuid constraint put_back_pkey primary key,
    order_id uuid not null constraint put_back_of_order references customer_order,
    reservation_id uuid not null,
    warehouse_code text not null,
    sku_code text not null,
    suggested_bin_code text not null,
    quantity bigint not null constraint put_back_quantity_positive check (quantity > 0),
    unbooked_quantity bigint not null default 0,
    returned_quantity bigint not null default 0,
    state text not null default 'open' constraint put_back_state_known check (state in ('open', 'done')),
    create_time timestamptz not null default now(),
    done_time timestamptz,
    constraint put_back_one_per_bin unique (order_id, sku_code, suggested_bin_code),
    constraint put_back_returned_within check (returned_quantity between 0 and quantity),
    constraint put_back_unbooked_within check (unbooked_quantity between 0 and quantity),
    constraint put_back_done_is_whole check ((state = 'done') = (returned_quantity = quantity)),
    constraint put_back_done_has_time check ((state = 'done') = (done_time is not null))
);
create index put_back_open on put_back (warehouse_code, create_time) where state = 'open';

create table put_back_scan (
    request_id text constraint put_back_scan_pkey primary key,
    put_back_id uuid not null constraint put_back_scan_of_put_back references put_back,
    bin_code text not null,
    quantity bigint not null constraint put_back_scan_quantity_positive check (quantity > 0),
    booking_id uuid constraint put_back_scan_is_booked references booking,
    actor text not null,
    record_time timestamptz not null default now()
);
create index put_back_scan_by_put_back on put_back_scan (put_back_id);

do $$
declare
    service_role text := format('lumbung_%s', current_schema());
begin
    execute format('grant select, insert, update on booking to %I', service_role);
    execute format('grant select, insert, update on pick_scan to %I', service_role);
    execute format('grant select, insert on wrong_scan to %I', service_role);
    execute format('grant select, insert on short_pick to %I', service_role);
    execute format('grant select, insert, delete on bin_doubt to %I', service_role);
    execute format('grant select, insert, update on put_back to %I', service_role);
    execute format('grant select, insert on put_back_scan to %I', service_role);
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
