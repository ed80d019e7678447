-- migrate:up

-- Goods that go from one warehouse to another.
CREATE TABLE transfer (
    transfer_id          uuid         PRIMARY KEY,
    from_warehouse_code  text         NOT NULL REFERENCES warehouse,
    to_warehouse_code    text         NOT NULL REFERENCES warehouse,
    document             text         NOT NULL,
    state                smallint     NOT NULL,
    close_reason         text         NOT NULL DEFAULT '',
    actor                text         NOT NULL,
    create_time          timestamptz  NOT NULL DEFAULT clock_timestamp(),
    update_time          timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT transfer_state_known CHECK (state BETWEEN 1 AND 5),
    CONSTRAINT transfer_two_warehouses CHECK (from_warehouse_code <> to_warehouse_code)
);
CREATE INDEX transfer_by_source ON transfer (from_warehouse_code, transfer_id);
CREATE INDEX transfer_by_target ON transfer (to_warehouse_code, transfer_id);
CREATE INDEX transfer_open ON transfer (transfer_id) WHERE state IN (1, 2);

-- The warehouses stand here too, so that what is in transit of a SKU is found without the transfers.
CREATE TABLE transfer_line (
    transfer_id          uuid    NOT NULL REFERENCES transfer,
    sku_code             text    NOT NULL,
    from_warehouse_code  text    NOT NULL,
    to_warehouse_code    text    NOT NULL,
    planned_quantity     bigint  NOT NULL,
    sent_quantity        bigint  NOT NULL DEFAULT 0,
    received_quantity    bigint  NOT NULL DEFAULT 0,
    lost_quantity        bigint  NOT NULL DEFAULT 0,
    over_quantity        bigint  NOT NULL DEFAULT 0,
    cancelled_quantity   bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (transfer_id, sku_code),
    CONSTRAINT transfer_line_not_negative CHECK (
        planned_quantity >= 0 AND sent_quantity >= 0 AND received_quantity >= 0 AND lost_quantity >= 0
        AND over_quantity >= 0 AND cancelled_quantity >= 0
    ),
    CONSTRAINT transfer_line_sent_within CHECK (sent_quantity + cancelled_quantity <= planned_quantity),
    CONSTRAINT transfer_line_received_within CHECK (received_quantity + lost_quantity <= sent_quantity)
);
CREATE INDEX transfer_line_by_source ON transfer_line (from_warehouse_code, sku_code);
CREATE INDEX transfer_line_by_target ON transfer_line (to_warehouse_code, sku_code);

-- Beside the expected receipts in the lock order: flash_sale, reservation, expected_receipt, transfer, flash_sale_item,
-- level, place_stock, ledger_head.
CREATE FUNCTION lock_transfer(id uuid) RETURNS SETOF transfer
LANGUAGE sql AS $$
    SELECT transfer.* FROM transfer WHERE transfer_id = id FOR UPDATE
$$;

GRANT SELECT, INSERT, UPDATE ON transfer, transfer_line TO lumbung_stock;
GRANT EXECUTE ON FUNCTION lock_transfer TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
