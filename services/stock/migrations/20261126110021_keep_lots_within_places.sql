-- migrate:up

-- While replicas of a version without lots still run, they move units of a place and leave its lots as they were. What they
-- would make false is refused when they commit; who asks again is served by a replica that knows lots. A replica that knows
-- them never meets this.
CREATE FUNCTION require_lots_within_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT quantity FROM place_stock
         WHERE warehouse_code = new.warehouse_code AND place_code = new.place_code AND sku_code = new.sku_code)
       < (SELECT coalesce(sum(quantity), 0) FROM lot_stock
           WHERE warehouse_code = new.warehouse_code AND place_code = new.place_code AND sku_code = new.sku_code) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation', CONSTRAINT = 'place_holds_its_lots',
            MESSAGE = format('%s holds fewer of %s than its lots say', new.place_code, new.sku_code);
    END IF;
    RETURN NULL;
END
$$;

-- At the end of the transaction: a place and its lots are changed by two statements.
CREATE CONSTRAINT TRIGGER place_holds_its_lots
 AFTER UPDATE ON place_stock
 DEFERRABLE INITIALLY DEFERRED
   FOR EACH ROW
  WHEN (new.has_lots AND new.quantity < old.quantity)
EXECUTE FUNCTION require_lots_within_place();

-- What a supplier brings of a SKU that is tracked says its lot, whoever writes it down.
CREATE FUNCTION require_lot_of_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM sku WHERE sku_code = new.sku_code AND lot_tracking > 0) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation', CONSTRAINT = 'receipt_says_its_lot',
            MESSAGE = format('%s is tracked by lot', new.sku_code);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER receipt_says_its_lot
 AFTER INSERT ON ledger_entry
   FOR EACH ROW
  WHEN (new.kind = 1 AND new.lot_code = '')
EXECUTE FUNCTION require_lot_of_receipt();

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
