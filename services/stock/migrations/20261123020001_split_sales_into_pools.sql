-- migrate:up

-- A sale that is too hot for one shard of Valkey, or that takes a SKU from several warehouses, is split into pools.
-- Each pool is a row of its own, and to the gate, the journal, the committer and the recovery a sale of its own. Its
-- parent has the title, the dates and the state that callers see, and no items.
-- There is a row for each sale ever planned: few enough to be checked and indexed at once.
ALTER TABLE flash_sale
    -- squawk-ignore adding-foreign-key-constraint
    ADD COLUMN parent_code text REFERENCES flash_sale,
    ADD COLUMN pool_count smallint NOT NULL DEFAULT 1,
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT flash_sale_pool_count_within CHECK (pool_count BETWEEN 1 AND 16);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX flash_sale_by_parent ON flash_sale (parent_code) WHERE parent_code IS NOT NULL;

-- A pool may have none of a SKU, when the quota is smaller than the pools are many, or when it has given its units to
-- another pool. Below zero it cannot go: flash_sale_item_never_oversold and flash_sale_item_conserved see to that.
-- squawk-ignore ban-drop-constraint
ALTER TABLE flash_sale_item DROP CONSTRAINT flash_sale_item_quota_positive;

-- First in the lock order, several at once.
CREATE FUNCTION lock_flash_sales(codes text[]) RETURNS SETOF flash_sale
LANGUAGE sql AS $$
    SELECT flash_sale.* FROM flash_sale WHERE flash_sale_code = ANY (codes) ORDER BY flash_sale_code FOR NO KEY UPDATE
$$;

GRANT EXECUTE ON FUNCTION lock_flash_sales TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
