-- migrate:up

-- A stocktake. States: 1 counting, 2 recounting, 3 review, 4 approved, 5 abandoned. What was asked for (zones, bin_codes,
-- sku_codes) is kept for people; what is counted is in stocktake_bin, and every SKU there, or those of sku_codes.
CREATE TABLE stocktake (
    stocktake_id         uuid         PRIMARY KEY,
    warehouse_code       text         NOT NULL REFERENCES warehouse,
    title                text         NOT NULL,
    state                smallint     NOT NULL DEFAULT 1,
    round                smallint     NOT NULL DEFAULT 1,
    zones                text[]       NOT NULL,
    bin_codes            text[]       NOT NULL,
    sku_codes            text[]       NOT NULL,
    lock_manual_changes  boolean      NOT NULL,
    movement_window_s    float8       NOT NULL,
    open_sequence        bigint       NOT NULL,
    open_time            timestamptz  NOT NULL,
    round_time           timestamptz  NOT NULL,
    actor                text         NOT NULL,
    end_time             timestamptz,
    end_actor            text         NOT NULL DEFAULT '',
    end_reason           text         NOT NULL DEFAULT '',
    CONSTRAINT stocktake_state_known CHECK (state BETWEEN 1 AND 5),
    CONSTRAINT stocktake_ends_once CHECK ((state >= 4) = (end_time IS NOT NULL))
);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX stocktake_open ON stocktake (warehouse_code) WHERE state <= 3;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX stocktake_by_time ON stocktake (open_time, stocktake_id);

CREATE TABLE stocktake_bin (
    stocktake_id  uuid  NOT NULL REFERENCES stocktake,
    bin_code      text  NOT NULL,
    PRIMARY KEY (stocktake_id, bin_code)
);

-- What is to be counted in a round, in the order in which it is offered. An empty sku_code: the book knows of nothing there.
CREATE TABLE stocktake_line (
    stocktake_id  uuid      NOT NULL REFERENCES stocktake,
    round         smallint  NOT NULL,
    bin_code      text      NOT NULL,
    sku_code      text      NOT NULL,
    rank          integer   NOT NULL,
    PRIMARY KEY (stocktake_id, round, bin_code, sku_code)
);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX stocktake_line_by_rank ON stocktake_line (stocktake_id, round, rank);

-- What somebody counted, only ever added to. An empty sku_code: nothing else is in the bin.
CREATE TABLE stocktake_count (
    stocktake_id      uuid         NOT NULL REFERENCES stocktake,
    scan_id           text         NOT NULL,
    round             smallint     NOT NULL,
    bin_code          text         NOT NULL,
    sku_code          text         NOT NULL,
    counted_quantity  bigint       NOT NULL,
    scan_time         timestamptz  NOT NULL,
    counter           text         NOT NULL,
    request_id        text         NOT NULL,
    position          bigint       GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (stocktake_id, scan_id),
    CONSTRAINT stocktake_count_not_negative CHECK (counted_quantity >= 0),
    CONSTRAINT stocktake_count_of_nothing CHECK (sku_code <> '' OR counted_quantity = 0)
);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX stocktake_count_by_line ON stocktake_count (stocktake_id, round, bin_code, sku_code);

-- What an approval booked.
CREATE TABLE stocktake_result (
    stocktake_id      uuid      NOT NULL REFERENCES stocktake,
    bin_code          text      NOT NULL,
    sku_code          text      NOT NULL,
    ledger_quantity   bigint    NOT NULL,
    counted_quantity  bigint    NOT NULL,
    verdict           smallint  NOT NULL,
    round             smallint  NOT NULL,
    counters          text[]    NOT NULL,
    unit_cost_minor   bigint,
    PRIMARY KEY (stocktake_id, bin_code, sku_code)
);

-- A change by hand that somebody made in spite of the lock.
CREATE TABLE stocktake_override (
    stocktake_id   uuid         NOT NULL REFERENCES stocktake,
    override_time  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    actor          text         NOT NULL,
    request_id     text         NOT NULL,
    reason         text         NOT NULL,
    PRIMARY KEY (stocktake_id, actor, request_id)
);

-- What a base unit costs the shop, in the smallest unit of its currency. Only ever added to: the newest counts.
CREATE TABLE unit_cost (
    sku_code         text         NOT NULL REFERENCES sku,
    set_time         timestamptz  NOT NULL DEFAULT clock_timestamp(),
    unit_cost_minor  bigint       NOT NULL,
    actor            text         NOT NULL,
    request_id       text         NOT NULL,
    PRIMARY KEY (sku_code, set_time),
    CONSTRAINT unit_cost_not_negative CHECK (unit_cost_minor >= 0)
);

GRANT SELECT, INSERT, UPDATE ON stocktake TO lumbung_stock;
GRANT SELECT, INSERT ON stocktake_bin, stocktake_line, stocktake_count, stocktake_result, stocktake_override, unit_cost
    TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
