-- migrate:up

-- By itself: this reads the whole table, under a lock that lets everybody write.
alter table sku validate constraint sku_lot_tracking_known;
alter table sku validate constraint sku_lots_of_plain;
alter table sku validate constraint sku_shelf_life_within;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
