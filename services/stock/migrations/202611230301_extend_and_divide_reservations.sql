-- migrate:up

-- What a Reserve was answered with stays known when the reservation goes on (P3). NULL: it is as it was.
ALTER TABLE reservation ADD COLUMN first_expire_time timestamptz;
-- A partial confirm leaves `lines` and the draws what was sold: {lines, draws} as they were held before.
ALTER TABLE reservation ADD COLUMN held jsonb;

-- A reservation over several warehouses leaves them one by one.
ALTER TABLE reservation_draw ADD COLUMN shipped boolean NOT NULL DEFAULT false;
-- Drawn from the escrow of a sale that has closed since.
ALTER TABLE reservation_draw ADD COLUMN left_escrow boolean NOT NULL DEFAULT false;

-- The deadline that an extension was answered with.
ALTER TABLE reservation_resolution ADD COLUMN expire_time timestamptz;

-- Units by SKU that the hold keeps; NULL: none, all of it is free again.
ALTER TABLE flash_credit ADD COLUMN kept jsonb;

-- A partial confirm drops the draws of which it sells nothing.
GRANT DELETE ON reservation_draw TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
