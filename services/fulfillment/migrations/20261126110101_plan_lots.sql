-- migrate:up

-- Lots that a pick was planned with, in the order in which they leave: [{lot_code, quantity, expires_on, sale_end}]. Empty
-- where the bin holds no lots.
alter table pick_task add column lots jsonb not null default '[]';

-- The lot that was scanned, for stock to book; empty: stock takes the one that expires first.
alter table booking add column lot_code text not null default '';

create or replace view wave_task as
select
    pick_task.task_id,
    pick_task.wave_id,
    pick_task.order_id,
    pick_task.warehouse_code,
    pick_task.sequence,
    pick_task.bin_code,
    pick_task.aisle_index,
    pick_task.y_m,
    pick_task.sku_code,
    pick_task.quantity,
    pick_task.picked_quantity,
    pick_task.state,
    pick_task.replaces_task_id,
    wave_order.tote_position,
    pick_task.lots
from pick_task
inner join wave_order using (wave_id, order_id);

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
