-- migrate:up

-- SKUs that nothing may begin to use, because the catalog is correcting what is otherwise fixed of them. `for_sku_code` is
-- the one that is corrected: the SKU itself, or a bundle that has drawn it.
CREATE TABLE sku_seal (
    sku_code      text         NOT NULL REFERENCES sku,
    for_sku_code  text         NOT NULL,
    sku_version   bigint       NOT NULL,
    seal_time     timestamptz  NOT NULL DEFAULT clock_timestamp(),
    expire_time   timestamptz  NOT NULL,
    actor         text         NOT NULL,
    request_id    text         NOT NULL,
    PRIMARY KEY (sku_code, for_sku_code),
    -- Whoever has sealed and died keeps nobody waiting for longer.
    CONSTRAINT sku_seal_ends CHECK (expire_time <= seal_time + interval '1 minute')
);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX sku_seal_for ON sku_seal (for_sku_code);

-- A first use and a seal of one SKU take its row one after the other: who uses it shares it, who seals has it alone. Each
-- then looks for the other in a statement of its own, which sees what was committed meanwhile.
CREATE FUNCTION refuse_sealed_sku() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM sku WHERE sku_code = new.sku_code FOR KEY SHARE;
    IF EXISTS (SELECT 1 FROM sku_seal WHERE sku_code = new.sku_code AND expire_time > clock_timestamp()) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation', CONSTRAINT = 'sku_not_sealed', DETAIL = new.sku_code,
            MESSAGE = format('SKU %s is sealed', new.sku_code);
    END IF;
    RETURN NULL;
END
$$;

-- After the row: an insert that finds its row already there has not fired, so that only a first use pays for the look.
CREATE TRIGGER level_not_sealed AFTER INSERT ON level
   FOR EACH ROW EXECUTE FUNCTION refuse_sealed_sku();
CREATE TRIGGER flash_sale_item_not_sealed AFTER INSERT ON flash_sale_item
   FOR EACH ROW EXECUTE FUNCTION refuse_sealed_sku();
CREATE TRIGGER expected_receipt_line_not_sealed AFTER INSERT ON expected_receipt_line
   FOR EACH ROW EXECUTE FUNCTION refuse_sealed_sku();
CREATE TRIGGER transfer_line_not_sealed AFTER INSERT ON transfer_line
   FOR EACH ROW EXECUTE FUNCTION refuse_sealed_sku();
CREATE TRIGGER stocktake_count_not_sealed AFTER INSERT ON stocktake_count
   FOR EACH ROW WHEN (new.sku_code <> '') EXECUTE FUNCTION refuse_sealed_sku();
CREATE TRIGGER unit_cost_not_sealed AFTER INSERT ON unit_cost
   FOR EACH ROW EXECUTE FUNCTION refuse_sealed_sku();
CREATE TRIGGER lead_time_not_sealed AFTER INSERT ON lead_time
   FOR EACH ROW EXECUTE FUNCTION refuse_sealed_sku();

GRANT SELECT, INSERT, UPDATE, DELETE ON sku_seal TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
