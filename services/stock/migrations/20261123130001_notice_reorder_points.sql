-- migrate:up

-- Who changed safety stock and reorder figures, from what to what. Only appended to.
CREATE TABLE replenishment_change (
    change_id                bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    warehouse_code           text         NOT NULL REFERENCES warehouse,
    sku_code                 text         NOT NULL,
    safety_stock_before      bigint       NOT NULL,
    reorder_point_before     bigint       NOT NULL,
    reorder_quantity_before  bigint       NOT NULL,
    safety_stock             bigint       NOT NULL,
    reorder_point            bigint       NOT NULL,
    reorder_quantity         bigint       NOT NULL,
    reason                   text         NOT NULL,
    actor                    text         NOT NULL,
    request_id               text         NOT NULL,
    record_time              timestamptz  NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX replenishment_change_by_sku ON replenishment_change (warehouse_code, sku_code, change_id);

-- Crossings that no event has told of yet; a row is deleted in the transaction that writes its event.
CREATE TABLE reorder_crossing (
    crossing_id       bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    warehouse_code    text    NOT NULL,
    sku_code          text    NOT NULL,
    safety_stock      bigint  NOT NULL,
    reorder_point     bigint  NOT NULL,
    reorder_quantity  bigint  NOT NULL,
    available         bigint  NOT NULL
);

CREATE FUNCTION note_reorder_point() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reorder_crossing (warehouse_code, sku_code, safety_stock, reorder_point, reorder_quantity, available)
    VALUES (new.warehouse_code, new.sku_code, new.safety_stock, new.reorder_point, new.reorder_quantity,
            new.on_hand - new.held - new.sold - new.safety_stock - new.escrow);
    RETURN NULL;
END
$$;

-- Whatever moves a level, now or in a later version, is seen here: the row was not due before, and is due now. Both
-- are judged under the row's lock, so each crossing is seen once. A level without reorder figures is never due.
CREATE TRIGGER level_crosses_reorder_point
 AFTER UPDATE ON level
   FOR EACH ROW
  WHEN ((new.reorder_point > 0 OR new.reorder_quantity > 0)
        AND new.on_hand - new.held - new.sold - new.safety_stock - new.escrow <= new.reorder_point
        AND NOT ((old.reorder_point > 0 OR old.reorder_quantity > 0)
                 AND old.on_hand - old.held - old.sold - old.safety_stock - old.escrow <= old.reorder_point))
EXECUTE FUNCTION note_reorder_point();

GRANT SELECT, INSERT ON replenishment_change TO lumbung_stock;
GRANT SELECT, INSERT, UPDATE, DELETE ON reorder_crossing TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
