-- migrate:up

-- How a lot's last day was corrected: by whom, why, and what it was before.
CREATE TABLE lot_expiry_correction (
    correction_id      bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku_code           text         NOT NULL,
    lot_code           text         NOT NULL,
    expires_on_before  date,
    expires_on         date,
    reason             text         NOT NULL,
    actor              text         NOT NULL,
    request_id         text         NOT NULL,
    record_time        timestamptz  NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (sku_code, lot_code) REFERENCES lot
);
CREATE INDEX lot_expiry_correction_of_lot ON lot_expiry_correction (sku_code, lot_code, correction_id);

GRANT SELECT, INSERT ON lot_expiry_correction TO lumbung_stock;
GRANT UPDATE (expires_on) ON lot TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
