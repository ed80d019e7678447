-- migrate:up

-- Lead times that somebody took back, and who. Only appended to.
CREATE TABLE lead_time_removal (
    warehouse_code  text         NOT NULL,
    sku_code        text         NOT NULL,
    supplier_code   text         NOT NULL,
    mean_days       float8       NOT NULL,
    deviation_days  float8       NOT NULL,
    pack_size       bigint       NOT NULL,
    priority        integer      NOT NULL,
    actor           text         NOT NULL,
    request_id      text         NOT NULL,
    record_time     timestamptz  NOT NULL DEFAULT clock_timestamp()
);

GRANT DELETE ON lead_time TO lumbung_stock;
GRANT SELECT, INSERT ON lead_time_removal TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
