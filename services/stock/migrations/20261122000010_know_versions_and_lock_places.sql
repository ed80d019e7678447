-- migrate:up

-- The catalog counts the changes of each SKU; a snapshot with a higher version is newer, whatever changed.
ALTER TABLE sku ADD COLUMN catalog_version bigint NOT NULL DEFAULT 0;

-- After the levels in the lock order, before ledger_head. Whoever changes places calls this first.
CREATE FUNCTION lock_places(codes text[], places text[], skus text[]) RETURNS SETOF place_stock
LANGUAGE sql AS $$
    SELECT place_stock.*
      FROM place_stock
     WHERE (warehouse_code, place_code, sku_code) IN (SELECT * FROM unnest(codes, places, skus))
     ORDER BY warehouse_code, place_code, sku_code
       FOR UPDATE
$$;

-- For the ledger of one document, page by page. The table is as new as this index.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ledger_entry_by_document ON ledger_entry (warehouse_code, document, sequence) WHERE document <> '';

GRANT EXECUTE ON FUNCTION lock_places TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
