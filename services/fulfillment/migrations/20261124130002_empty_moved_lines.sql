-- migrate:up

-- Goods that another warehouse sends are needed no more here. Their line stays, for the tasks that it had. The rows
-- that are there obey the bound already, for it was a narrower one.
-- squawk-ignore ban-drop-constraint
alter table order_line drop constraint order_line_quantity_positive;
alter table order_line add constraint order_line_quantity_not_negative check (quantity >= 0) not valid;

create or replace view whole_order as
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
    where order_line.order_id = customer_order.order_id and quantity > 0
) as needed on true
left join lateral (
    select jsonb_agg(jsonb_build_array(sku_code, quantity) order by line_number) as sale_lines
    from order_sale_line
    where order_sale_line.order_id = customer_order.order_id
) as asked on true;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
