-- migrate:up

-- Goods that a buyer or a channel says are coming back. What arrives for it gets a goods_return of the same id.
create table expected_return (
    return_id uuid constraint expected_return_pkey primary key,
    order_id uuid not null constraint expected_return_of_order references customer_order,
    warehouse_code text not null,
    reason text not null constraint expected_return_reason_known check (
        reason in ('changed_mind', 'damaged', 'wrong_item', 'defective', 'undelivered', 'other')
    ),
    announce_time timestamptz not null default now(),
    arrive_time timestamptz,
    actor text not null
);
create index expected_return_newest on expected_return (announce_time desc, return_id desc) where arrive_time is null;
create index expected_return_by_order on expected_return (order_id) where arrive_time is null;

create table expected_return_line (
    return_id uuid not null constraint expected_return_line_of_return references expected_return,
    sku_code text not null,
    quantity bigint not null constraint expected_return_line_quantity_positive check (quantity > 0),
    constraint expected_return_line_pkey primary key (return_id, sku_code)
);

-- With its lines by SKU: [sku_code, quantity].
create view whole_expected_return as
select
    expected_return.*,
    back.lines
from expected_return
left join lateral (
    select jsonb_agg(jsonb_build_array(sku_code, quantity) order by sku_code) as lines
    from expected_return_line
    where expected_return_line.return_id = expected_return.return_id
) as back on true;

do $$
declare
    service_role text := format('lumbung_%s', current_schema());
begin
    execute format('grant select, insert on expected_return to %I', service_role);
    execute format('grant update (arrive_time) on expected_return to %I', service_role);
    execute format('grant select, insert on expected_return_line to %I', service_role);
    execute format('grant select on whole_expected_return to %I', service_role);
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
