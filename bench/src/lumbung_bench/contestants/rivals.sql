-- What both rivals keep, in a database of their own.

CREATE TABLE stock (
    sku_code  text    PRIMARY KEY,
    on_hand   bigint  NOT NULL,
    held      bigint  NOT NULL DEFAULT 0,
    CONSTRAINT stock_never_oversold CHECK (held BETWEEN 0 AND on_hand)
);

-- One row per unit, for the rival that locks units instead of a counter.
CREATE TABLE unit (
    unit_id         bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku_code        text    NOT NULL,
    reservation_id  uuid
);
CREATE INDEX unit_free ON unit (sku_code, unit_id) WHERE reservation_id IS NULL;

CREATE TABLE reservation (
    reservation_id      uuid         PRIMARY KEY,
    request_id          text         NOT NULL UNIQUE,
    content_hash        bytea        NOT NULL,
    channel_code        text         NOT NULL,
    customer_reference  text         NOT NULL,
    create_time         timestamptz  NOT NULL DEFAULT now(),
    expire_time         timestamptz  NOT NULL
);

CREATE TABLE reservation_line (
    reservation_id  uuid    NOT NULL REFERENCES reservation,
    sku_code        text    NOT NULL,
    quantity        bigint  NOT NULL,
    PRIMARY KEY (reservation_id, sku_code)
);
