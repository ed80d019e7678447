-- migrate:up transaction:false

-- The first pick of a SKU, and so whether it is new: ids of tasks ascend with time.
create index concurrently if not exists pick_task_by_sku on pick_task (warehouse_code, sku_code, task_id);

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
