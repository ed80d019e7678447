-- migrate:up

-- Units added to an open sale or pool. The gate is told of each by its id, once; a gate that is made anew out of
-- `remaining` has them in it.
CREATE TABLE flash_sale_extension (
    extension_id     uuid         PRIMARY KEY,
    flash_sale_code  text         NOT NULL REFERENCES flash_sale,
    sku_code         text         NOT NULL,
    quantity         bigint       NOT NULL,
    told             boolean      NOT NULL DEFAULT false,
    actor            text         NOT NULL,
    extend_time      timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT flash_sale_extension_quantity_positive CHECK (quantity > 0)
);
CREATE INDEX flash_sale_extension_untold ON flash_sale_extension (flash_sale_code) WHERE NOT told;

GRANT SELECT, INSERT, UPDATE ON flash_sale_extension TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
