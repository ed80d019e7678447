-- migrate:up

-- While Valkey stays away, a sale (or one of its pools) goes on through this database alone. Whoever cannot reach its
-- gate says so here from time to time: it is not given back to the gate before that has stopped.
-- There is a row for each sale ever planned: few enough to be checked at once.
ALTER TABLE flash_sale
    ADD COLUMN on_postgres_since timestamptz,
    ADD COLUMN gate_missed_time timestamptz,
    -- P4: units that two may give would be promised twice, and refused to one of them.
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT flash_sale_served_by_one CHECK (on_postgres_since IS NULL OR NOT gate_armed);

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
