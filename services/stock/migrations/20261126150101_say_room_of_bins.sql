-- migrate:up

-- Units that a bin has room for; 0 when nobody has said. Its service wrote none before, so the rows that are there obey
-- the bound.
ALTER TABLE bin
    ADD COLUMN capacity_units bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT bin_capacity_not_negative CHECK (capacity_units >= 0) NOT VALID;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
