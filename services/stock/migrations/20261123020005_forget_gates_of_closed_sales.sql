-- migrate:up

-- A sale can be closed while Valkey is away: what it has of the sale is removed when it is back.
ALTER TABLE flash_sale ADD COLUMN gate_left boolean NOT NULL DEFAULT false;

-- There is a row for each sale ever planned: few enough to be indexed at once.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX flash_sale_with_gate_left ON flash_sale (flash_sale_code) WHERE gate_left;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
