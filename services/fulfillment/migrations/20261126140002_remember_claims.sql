-- migrate:up

-- Which session worked on which wave, from when to when. A scan that is sent later is judged by it.
create table wave_claim (
    wave_id uuid not null constraint wave_claim_of_wave references wave,
    session_id uuid not null constraint wave_claim_by_session references terminal_session,
    begin_time timestamptz not null default now(),
    end_time timestamptz,
    constraint wave_claim_pkey primary key (wave_id, session_id, begin_time),
    constraint wave_claim_ends_later check (end_time >= begin_time)
);
create unique index wave_claim_one_open on wave_claim (wave_id) where end_time is null;

insert into wave_claim (wave_id, session_id, begin_time)
select wave_id, session_id, coalesce(start_time, plan_time) from wave where state = 'claimed';

-- When a pick stopped taking scans; unknown of those that were closed before.
alter table pick_task add column close_time timestamptz;

-- Units that a late scan says were taken, and that nobody wants any more: they lie in the tote and have to go back.
create table stray_scan (
    request_id text constraint stray_scan_pkey primary key,
    task_id uuid not null constraint stray_scan_of_task references pick_task,
    order_id uuid not null,
    warehouse_code text not null,
    session_id uuid not null constraint stray_scan_in_session references terminal_session,
    quantity bigint not null constraint stray_scan_quantity_positive check (quantity > 0),
    put_back_id uuid not null constraint stray_scan_goes_back references put_back,
    scan_time timestamptz not null,
    record_time timestamptz not null default now(),
    actor text not null
);
create index stray_scan_by_task on stray_scan (task_id);
create index stray_scan_by_put_back on stray_scan (put_back_id);

do $$
declare
    service_role text := format('lumbung_%s', current_schema());
begin
    execute format('grant select, insert, update on wave_claim to %I', service_role);
    execute format('grant select, insert on stray_scan to %I', service_role);
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
