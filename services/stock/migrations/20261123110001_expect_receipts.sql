-- migrate:up

-- What a supplier is to bring: a purchase order, and what has come of it.
CREATE TABLE expected_receipt (
    expected_receipt_id    uuid         PRIMARY KEY,
    warehouse_code         text         NOT NULL REFERENCES warehouse,
    supplier               text         NOT NULL,
    document               text         NOT NULL,
    -- infinity: nobody has said when.
    expected_time          timestamptz  NOT NULL,
    over_delivery_percent  smallint     NOT NULL,
    state                  smallint     NOT NULL DEFAULT 1,
    version                bigint       NOT NULL DEFAULT 1,
    close_reason           text         NOT NULL DEFAULT '',
    actor                  text         NOT NULL,
    create_time            timestamptz  NOT NULL DEFAULT clock_timestamp(),
    update_time            timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT expected_receipt_state_known CHECK (state BETWEEN 1 AND 4),
    CONSTRAINT expected_receipt_percent_within CHECK (over_delivery_percent BETWEEN 0 AND 100)
);
CREATE UNIQUE INDEX expected_receipt_once ON expected_receipt (supplier, document) WHERE state <> 4;
CREATE INDEX expected_receipt_by_time ON expected_receipt (expected_time, expected_receipt_id);
CREATE INDEX expected_receipt_open_by_time ON expected_receipt (expected_time, expected_receipt_id) WHERE state = 1;
CREATE INDEX expected_receipt_by_supplier ON expected_receipt (supplier, expected_time, expected_receipt_id);
CREATE INDEX expected_receipt_by_document ON expected_receipt (document);

-- expected_quantity 0: nobody expected this SKU; it was accepted with a reason.
CREATE TABLE expected_receipt_line (
    expected_receipt_id  uuid    NOT NULL REFERENCES expected_receipt,
    sku_code             text    NOT NULL,
    expected_quantity    bigint  NOT NULL,
    received_quantity    bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (expected_receipt_id, sku_code),
    CONSTRAINT expected_receipt_line_not_negative CHECK (expected_quantity >= 0 AND received_quantity >= 0)
);
CREATE INDEX expected_receipt_line_by_sku ON expected_receipt_line (sku_code);

-- What came of it, and when. Never changed.
CREATE TABLE expected_receipt_delivery (
    expected_receipt_id  uuid         NOT NULL REFERENCES expected_receipt,
    number               integer      NOT NULL,
    delivery_note        text         NOT NULL,
    quantity             bigint       NOT NULL,
    accept_reason        text         NOT NULL,
    actor                text         NOT NULL,
    request_id           text         NOT NULL,
    record_time          timestamptz  NOT NULL,
    effective_time       timestamptz  NOT NULL,
    PRIMARY KEY (expected_receipt_id, number),
    CONSTRAINT expected_receipt_delivery_quantity_positive CHECK (quantity > 0)
);

-- After the reservations in the lock order: flash_sale, reservation, expected_receipt, flash_sale_item, level,
-- place_stock, ledger_head.
CREATE FUNCTION lock_expected_receipt(id uuid) RETURNS SETOF expected_receipt
LANGUAGE sql AS $$
    SELECT expected_receipt.* FROM expected_receipt WHERE expected_receipt_id = id FOR UPDATE
$$;

GRANT SELECT, INSERT, UPDATE ON expected_receipt TO lumbung_stock;
GRANT SELECT, INSERT, UPDATE, DELETE ON expected_receipt_line TO lumbung_stock;
GRANT SELECT, INSERT ON expected_receipt_delivery TO lumbung_stock;
GRANT EXECUTE ON FUNCTION lock_expected_receipt TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
