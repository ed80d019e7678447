-- migrate:up

-- What the catalog says of a SKU's lots: 0 none, 1 a lot, 2 a lot with its last day; and the least days of shelf life that
-- must be left to sell it.
ALTER TABLE sku
    ADD COLUMN lot_tracking         smallint  NOT NULL DEFAULT 0,
    ADD COLUMN shelf_life_days_min  integer   NOT NULL DEFAULT 0;

-- A lot has one last day, wherever its units lie. NULL: nobody has said one.
CREATE TABLE lot (
    sku_code         text         NOT NULL,
    lot_code         text         NOT NULL,
    expires_on       date,
    first_seen_time  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (sku_code, lot_code),
    CONSTRAINT lot_code_not_empty CHECK (lot_code <> '')
);

-- A lot in one warehouse: days end there by the warehouse's own clock. `expired` is what level.expired counts, so it changes
-- under the level's lock alone.
CREATE TABLE warehouse_lot (
    warehouse_code  text     NOT NULL REFERENCES warehouse,
    sku_code        text     NOT NULL,
    lot_code        text     NOT NULL,
    -- The last day on which it may be sold; NULL: always.
    last_sale_day   date,
    expired         boolean  NOT NULL,
    PRIMARY KEY (warehouse_code, sku_code, lot_code),
    FOREIGN KEY (sku_code, lot_code) REFERENCES lot
);
CREATE INDEX warehouse_lot_to_expire ON warehouse_lot (warehouse_code, last_sale_day) WHERE NOT expired;
CREATE INDEX warehouse_lot_expired ON warehouse_lot (warehouse_code, last_sale_day) WHERE expired;
CREATE INDEX warehouse_lot_of_sku ON warehouse_lot (sku_code, lot_code);

-- Of place_stock the part that has a lot; the rest has none. Locked by the row of place_stock.
CREATE TABLE lot_stock (
    warehouse_code  text    NOT NULL,
    place_code      text    NOT NULL,
    sku_code        text    NOT NULL,
    lot_code        text    NOT NULL,
    quantity        bigint  NOT NULL,
    PRIMARY KEY (warehouse_code, place_code, sku_code, lot_code),
    FOREIGN KEY (warehouse_code, place_code, sku_code) REFERENCES place_stock,
    FOREIGN KEY (warehouse_code, sku_code, lot_code) REFERENCES warehouse_lot,
    CONSTRAINT lot_stock_not_negative CHECK (quantity >= 0)
);
CREATE INDEX lot_stock_of_lot ON lot_stock (warehouse_code, sku_code, lot_code);

-- Whether a lot ever lay there: where none did, nobody has to look.
ALTER TABLE place_stock ADD COLUMN has_lots boolean NOT NULL DEFAULT false;

ALTER TABLE ledger_entry ADD COLUMN lot_code text NOT NULL DEFAULT '';
ALTER TABLE rebuilt_figure ADD COLUMN lot_code text NOT NULL DEFAULT '';

-- Entries without a lot are hashed in the form that they always had; with one, in a second form that ends with the lot.
CREATE OR REPLACE FUNCTION ledger_hash(before bytea, entry ledger_entry) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN sha256(before || convert_to(
        CASE WHEN entry.lot_code = '' THEN '1:1,' ELSE '1:2,' END
        || netstring(entry.warehouse_code) || netstring(entry.sequence::text)
        || netstring(entry.sku_code) || netstring(entry.quantity::text) || netstring(entry.from_place)
        || netstring(entry.to_place) || netstring(entry.kind::text) || netstring(entry.reason)
        || netstring(entry.document) || netstring(coalesce(entry.reservation_id::text, '')) || netstring(entry.actor)
        || netstring(entry.request_id) || netstring(microseconds(entry.record_time))
        || netstring(microseconds(entry.effective_time))
        || CASE WHEN entry.lot_code = '' THEN '' ELSE netstring(entry.lot_code) END, 'UTF8'));
END
$$;

-- Units on hand whose lot may not be sold any more. Available to promise = on_hand - held - sold - safety_stock - escrow - expired.
ALTER TABLE level ADD COLUMN expired bigint NOT NULL DEFAULT 0;
-- The same bound, drawn closer: what holds by it holds by the one before.
-- squawk-ignore ban-drop-constraint
ALTER TABLE level DROP CONSTRAINT level_never_oversold;
ALTER TABLE level
    ADD CONSTRAINT level_never_oversold CHECK (held + sold + escrow + expired <= on_hand + shortfall) NOT VALID,
    ADD CONSTRAINT level_expired_not_negative CHECK (expired >= 0) NOT VALID;

CREATE OR REPLACE FUNCTION note_reorder_point() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reorder_crossing (warehouse_code, sku_code, safety_stock, reorder_point, reorder_quantity, available)
    VALUES (new.warehouse_code, new.sku_code, new.safety_stock, new.reorder_point, new.reorder_quantity,
            new.on_hand - new.held - new.sold - new.safety_stock - new.escrow - new.expired);
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER level_crosses_reorder_point
 AFTER UPDATE ON level
   FOR EACH ROW
  WHEN ((new.reorder_point > 0 OR new.reorder_quantity > 0)
        AND new.on_hand - new.held - new.sold - new.safety_stock - new.escrow - new.expired <= new.reorder_point
        AND NOT ((old.reorder_point > 0 OR old.reorder_quantity > 0)
                 AND old.on_hand - old.held - old.sold - old.safety_stock - old.escrow - old.expired
                     <= old.reorder_point))
EXECUTE FUNCTION note_reorder_point();

GRANT SELECT, INSERT ON lot TO lumbung_stock;
GRANT SELECT, INSERT, UPDATE ON warehouse_lot, lot_stock TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
