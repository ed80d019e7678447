-- migrate:up

-- What stock knows of the catalog: a projection, fed by the catalog's events.
CREATE TABLE sku (
    sku_code        text        PRIMARY KEY,
    name            text        NOT NULL,
    is_bundle       boolean     NOT NULL,
    active          boolean     NOT NULL,
    recipe_version  bigint      NOT NULL DEFAULT 0
);

CREATE TABLE sku_component (
    bundle_code     text        NOT NULL REFERENCES sku,
    component_code  text        NOT NULL,
    quantity        bigint      NOT NULL,
    PRIMARY KEY (bundle_code, component_code),
    CONSTRAINT sku_component_quantity_positive CHECK (quantity > 0)
);
CREATE INDEX sku_component_by_component ON sku_component (component_code);

CREATE TABLE warehouse (
    warehouse_code   text        PRIMARY KEY,
    name             text        NOT NULL,
    time_zone        text        NOT NULL,
    priority         integer     NOT NULL,
    aisle_x_m        float8[]    NOT NULL,
    cross_aisle_y_m  float8[]    NOT NULL,
    depot_x_m        float8      NOT NULL
);

CREATE TABLE bin (
    warehouse_code  text        NOT NULL REFERENCES warehouse,
    bin_code        text        NOT NULL,
    kind            smallint    NOT NULL,
    zone            text        NOT NULL,
    aisle_index     integer     NOT NULL,
    y_m             float8      NOT NULL,
    bay             integer     NOT NULL,
    level           integer     NOT NULL,
    PRIMARY KEY (warehouse_code, bin_code)
);

-- Stock is always somewhere: a bin, or PACKING, QUARANTINE. Places outside the house (SUPPLIER, CUSTOMER,
-- ADJUSTMENT, SCRAP) have no row: they have no bound.
CREATE TABLE place_stock (
    warehouse_code  text        NOT NULL REFERENCES warehouse,
    place_code      text        NOT NULL,
    sku_code        text        NOT NULL,
    quantity        bigint      NOT NULL,
    PRIMARY KEY (warehouse_code, place_code, sku_code),
    CONSTRAINT place_stock_not_negative CHECK (quantity >= 0)
);
CREATE INDEX place_stock_by_sku ON place_stock (warehouse_code, sku_code);

-- The last sequence given out in each warehouse. Its row lock makes the ledger's order: taken last, held shortly.
CREATE TABLE ledger_head (
    warehouse_code  text        PRIMARY KEY REFERENCES warehouse,
    sequence        bigint      NOT NULL DEFAULT 0
);

-- Append-only double entry: units leave one place for another. The service's role may insert and read, no more.
CREATE TABLE ledger_entry (
    warehouse_code  text         NOT NULL REFERENCES warehouse,
    sequence        bigint       NOT NULL,
    sku_code        text         NOT NULL,
    quantity        bigint       NOT NULL,
    from_place      text         NOT NULL,
    to_place        text         NOT NULL,
    kind            smallint     NOT NULL,
    reason          text         NOT NULL DEFAULT '',
    document        text         NOT NULL DEFAULT '',
    reservation_id  uuid,
    actor           text         NOT NULL,
    request_id      text         NOT NULL,
    record_time     timestamptz  NOT NULL DEFAULT clock_timestamp(),
    effective_time  timestamptz  NOT NULL,
    PRIMARY KEY (warehouse_code, sequence),
    CONSTRAINT ledger_entry_quantity_positive CHECK (quantity > 0),
    CONSTRAINT ledger_entry_two_places CHECK (from_place <> to_place)
);
CREATE INDEX ledger_entry_by_sku ON ledger_entry (warehouse_code, sku_code, sequence);
CREATE INDEX ledger_entry_by_reservation ON ledger_entry (reservation_id) WHERE reservation_id IS NOT NULL;

-- One row per SKU and warehouse: what there is, and who it is promised to.
-- Available to promise = on_hand - held - sold - safety_stock - escrow.
CREATE TABLE level (
    warehouse_code    text        NOT NULL REFERENCES warehouse,
    sku_code          text        NOT NULL,
    on_hand           bigint      NOT NULL DEFAULT 0,
    held              bigint      NOT NULL DEFAULT 0,
    sold              bigint      NOT NULL DEFAULT 0,
    escrow            bigint      NOT NULL DEFAULT 0,
    safety_stock      bigint      NOT NULL DEFAULT 0,
    reorder_point     bigint      NOT NULL DEFAULT 0,
    reorder_quantity  bigint      NOT NULL DEFAULT 0,
    shortfall         bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (warehouse_code, sku_code),
    CONSTRAINT level_not_negative CHECK (
        on_hand >= 0 AND held >= 0 AND sold >= 0 AND escrow >= 0 AND safety_stock >= 0 AND shortfall >= 0
    ),
    -- P1. Reality may fall below a promise, and then says so in shortfall; a promise never rises above reality.
    CONSTRAINT level_never_oversold CHECK (held + sold + escrow <= on_hand + shortfall)
);

CREATE TABLE shortfall (
    warehouse_code  text         NOT NULL,
    sku_code        text         NOT NULL,
    raise_time      timestamptz  NOT NULL DEFAULT clock_timestamp(),
    worst_quantity  bigint       NOT NULL,
    resolve_time    timestamptz,
    PRIMARY KEY (warehouse_code, sku_code, raise_time)
);
CREATE UNIQUE INDEX shortfall_open ON shortfall (warehouse_code, sku_code) WHERE resolve_time IS NULL;

-- Locks level rows in the one order that everybody uses. Whoever changes levels calls this first.
-- The whole order: flash_sale, reservation, flash_sale_item, level, place_stock, ledger_head.
CREATE FUNCTION lock_levels(warehouse_codes text[], sku_codes text[]) RETURNS SETOF level
LANGUAGE sql AS $$
    SELECT level.*
      FROM level
     WHERE (warehouse_code, sku_code) IN (SELECT * FROM unnest(warehouse_codes, sku_codes))
     ORDER BY warehouse_code, sku_code
       FOR UPDATE
$$;

GRANT SELECT, INSERT, UPDATE ON sku, warehouse, bin, place_stock, ledger_head, level, shortfall TO lumbung_stock;
GRANT SELECT, INSERT, DELETE ON sku_component TO lumbung_stock;
GRANT SELECT, INSERT ON ledger_entry TO lumbung_stock;
GRANT EXECUTE ON FUNCTION lock_levels TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
