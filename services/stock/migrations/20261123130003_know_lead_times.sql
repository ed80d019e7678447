-- migrate:up

-- How long a supplier takes, in days, and in which packs it delivers.
CREATE TABLE lead_time (
    warehouse_code  text         NOT NULL REFERENCES warehouse,
    sku_code        text         NOT NULL REFERENCES sku,
    supplier_code   text         NOT NULL,
    mean_days       float8       NOT NULL,
    deviation_days  float8       NOT NULL,
    pack_size       bigint       NOT NULL,
    priority        integer      NOT NULL,
    actor           text         NOT NULL,
    update_time     timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (warehouse_code, sku_code, supplier_code),
    CONSTRAINT lead_time_within CHECK (mean_days BETWEEN 0 AND 730 AND deviation_days BETWEEN 0 AND 730),
    CONSTRAINT lead_time_pack_positive CHECK (pack_size > 0)
);

GRANT SELECT, INSERT, UPDATE ON lead_time TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
