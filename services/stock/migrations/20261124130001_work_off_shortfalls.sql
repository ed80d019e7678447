-- migrate:up

-- What was sold, before any of it was sourced anew: a Confirm is answered again as it was (P3). NULL: as it is.
ALTER TABLE reservation ADD COLUMN first_draws jsonb;

-- Units of a sale that wait for stock to come. A row goes when none of them waits any more.
CREATE TABLE backorder (
    warehouse_code    text    NOT NULL REFERENCES warehouse,
    sku_code          text    NOT NULL,
    reservation_id    uuid    NOT NULL REFERENCES reservation,
    waiting_quantity  bigint  NOT NULL,
    PRIMARY KEY (warehouse_code, sku_code, reservation_id),
    CONSTRAINT backorder_waiting_positive CHECK (waiting_quantity > 0)
);
CREATE INDEX backorder_by_reservation ON backorder (reservation_id);

-- How shortfalls were worked off, and by whom. Only appended to.
CREATE TABLE shortfall_act (
    act_id             bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind               smallint     NOT NULL,
    warehouse_code     text         NOT NULL,
    sku_code           text         NOT NULL,
    reservation_id     uuid         NOT NULL REFERENCES reservation,
    quantity           bigint       NOT NULL,
    to_warehouse_code  text         NOT NULL DEFAULT '',
    reason             text         NOT NULL DEFAULT '',
    actor              text         NOT NULL,
    request_id         text         NOT NULL DEFAULT '',
    record_time        timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT shortfall_act_kind_known CHECK (kind BETWEEN 1 AND 5),
    CONSTRAINT shortfall_act_quantity_positive CHECK (quantity > 0)
);
CREATE INDEX shortfall_act_by_sku ON shortfall_act (warehouse_code, sku_code, act_id);
CREATE INDEX shortfall_act_by_reservation ON shortfall_act (reservation_id, act_id);

-- Whom a shortfall hits, the youngest promise first: what a flash sale has set aside and given to nobody, then the
-- promises that are not in packing yet, until the missing units are accounted for. A share that has left is in
-- nobody's way. `older_quantity` is what the shortfall takes from older promises: they are served before.
CREATE FUNCTION shortfall_hits(warehouse text, sku text)
RETURNS TABLE (reservation_id uuid, create_time timestamptz, hit_quantity bigint, older_quantity bigint)
LANGUAGE sql STABLE AS $$
    WITH promise AS (
        SELECT draw.reservation_id, reservation.create_time, draw.quantity - draw.picked AS quantity,
               sum(draw.quantity - draw.picked)
                   OVER (ORDER BY reservation.create_time DESC, draw.reservation_id DESC)
               - (draw.quantity - draw.picked) AS younger
          FROM reservation_draw AS draw
          JOIN reservation ON reservation.reservation_id = draw.reservation_id
         WHERE draw.warehouse_code = warehouse
           AND draw.sku_code = sku
           AND draw.picked < draw.quantity
           AND NOT draw.shipped
           AND reservation.state IN (1, 2)
    ), unsold AS (
        SELECT coalesce(sum(item.remaining), 0) AS quantity
          FROM flash_sale_item AS item
          JOIN flash_sale ON flash_sale.flash_sale_code = item.flash_sale_code
         WHERE item.warehouse_code = warehouse AND item.sku_code = sku AND flash_sale.state IN (2, 3)
    ), hit AS (
        SELECT promise.reservation_id, promise.create_time,
               least(promise.quantity, level.shortfall - unsold.quantity - promise.younger) AS quantity
          FROM promise
         CROSS JOIN unsold
          JOIN level ON level.warehouse_code = warehouse AND level.sku_code = sku
         WHERE promise.younger + unsold.quantity < level.shortfall
    )
    SELECT hit.reservation_id, hit.create_time, hit.quantity::bigint,
           (sum(hit.quantity) OVER (ORDER BY hit.create_time, hit.reservation_id) - hit.quantity)::bigint
      FROM hit
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON backorder TO lumbung_stock;
GRANT SELECT, INSERT ON shortfall_act TO lumbung_stock;
GRANT EXECUTE ON FUNCTION shortfall_hits TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
