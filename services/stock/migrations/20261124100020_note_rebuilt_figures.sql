-- migrate:up

-- Figures that were set to what the ledger says, by whom and why. Only appended to. An empty place is a level's on hand.
CREATE TABLE rebuilt_figure (
    rebuild_id       bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    warehouse_code   text         NOT NULL REFERENCES warehouse,
    sku_code         text         NOT NULL,
    place_code       text         NOT NULL,
    quantity_before  bigint       NOT NULL,
    quantity         bigint       NOT NULL,
    reason           text         NOT NULL,
    actor            text         NOT NULL,
    request_id       text         NOT NULL,
    record_time      timestamptz  NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX rebuilt_figure_by_sku ON rebuilt_figure (warehouse_code, sku_code, rebuild_id);

GRANT SELECT, INSERT ON rebuilt_figure TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
