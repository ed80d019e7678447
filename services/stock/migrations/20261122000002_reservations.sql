-- migrate:up

CREATE TABLE flash_sale (
    flash_sale_code  text         PRIMARY KEY,
    title            text         NOT NULL,
    state            smallint     NOT NULL,
    channel_codes    text[]       NOT NULL,
    start_time       timestamptz  NOT NULL,
    end_time         timestamptz  NOT NULL,
    -- Counts openings, recoveries and closings. A committer or recoverer that woke up late carries an older one.
    epoch            bigint       NOT NULL DEFAULT 0,
    gate_armed       boolean      NOT NULL DEFAULT false,
    plan_time        timestamptz  NOT NULL DEFAULT clock_timestamp(),
    actor            text         NOT NULL,
    CONSTRAINT flash_sale_state_known CHECK (state BETWEEN 1 AND 4),
    CONSTRAINT flash_sale_ends_after_start CHECK (end_time > start_time)
);

-- The sale's escrow: quota = remaining + held + sold + shipped + returned at every instant, where held and sold
-- are the draws of its reservations in those states.
CREATE TABLE flash_sale_item (
    flash_sale_code     text    NOT NULL REFERENCES flash_sale,
    sku_code            text    NOT NULL REFERENCES sku,
    warehouse_code      text    NOT NULL REFERENCES warehouse,
    quota               bigint  NOT NULL,
    limit_per_customer  bigint  NOT NULL DEFAULT 0,
    remaining           bigint  NOT NULL DEFAULT 0,
    shipped             bigint  NOT NULL DEFAULT 0,
    returned            bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (flash_sale_code, sku_code),
    CONSTRAINT flash_sale_item_quota_positive CHECK (quota > 0),
    -- P1 and P4: the committer can never give more than the escrow has, nor can it get back more than went out.
    CONSTRAINT flash_sale_item_never_oversold CHECK (remaining >= 0 AND shipped >= 0 AND returned >= 0),
    CONSTRAINT flash_sale_item_conserved CHECK (remaining + shipped + returned <= quota)
);

CREATE TABLE reservation (
    reservation_id      uuid         PRIMARY KEY,
    request_id          text         NOT NULL,
    content_hash        bytea        NOT NULL,
    state               smallint     NOT NULL,
    lines               jsonb        NOT NULL,
    channel_code        text         NOT NULL,
    customer_reference  text         NOT NULL,
    flash_sale_code     text         REFERENCES flash_sale,
    durability          smallint     NOT NULL,
    expire_time         timestamptz  NOT NULL,
    create_time         timestamptz  NOT NULL DEFAULT clock_timestamp(),
    resolve_time        timestamptz,
    order_reference     text,
    order_details       jsonb,
    refusal             jsonb,
    actor               text         NOT NULL,
    traceparent         text         NOT NULL DEFAULT '',
    -- P3: one answer per request_id.
    CONSTRAINT reservation_request_once UNIQUE (request_id),
    CONSTRAINT reservation_state_known CHECK (state BETWEEN 1 AND 7),
    CONSTRAINT reservation_refusal_is_typed CHECK ((state = 7) = (refusal IS NOT NULL))
);
CREATE UNIQUE INDEX reservation_order_once ON reservation (channel_code, order_reference)
    WHERE order_reference IS NOT NULL;
CREATE INDEX reservation_by_deadline ON reservation (expire_time) WHERE state = 1;
CREATE INDEX reservation_by_sale ON reservation (flash_sale_code, state) WHERE flash_sale_code IS NOT NULL;

CREATE TABLE reservation_draw (
    reservation_id  uuid     NOT NULL REFERENCES reservation,
    warehouse_code  text     NOT NULL,
    sku_code        text     NOT NULL,
    quantity        bigint   NOT NULL,
    from_escrow     boolean  NOT NULL,
    picked          bigint   NOT NULL DEFAULT 0,
    returned        bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (reservation_id, warehouse_code, sku_code),
    CONSTRAINT reservation_draw_quantity_positive CHECK (quantity > 0),
    CONSTRAINT reservation_draw_picked_within CHECK (picked BETWEEN 0 AND quantity),
    CONSTRAINT reservation_draw_returned_within CHECK (returned BETWEEN 0 AND quantity)
);
CREATE INDEX reservation_draw_by_sku ON reservation_draw (warehouse_code, sku_code);

-- Who resolved what, by which request: the same request gets the same answer again (P3).
CREATE TABLE reservation_resolution (
    request_id      text         PRIMARY KEY,
    reservation_id  uuid         NOT NULL REFERENCES reservation,
    verb            smallint     NOT NULL,
    state           smallint     NOT NULL,
    content_hash    bytea        NOT NULL,
    actor           text         NOT NULL,
    reason          text         NOT NULL DEFAULT '',
    record_time     timestamptz  NOT NULL DEFAULT clock_timestamp()
);

-- Units given back in Postgres that the gate in Valkey has not been told of yet; a row is deleted once it has.
CREATE TABLE flash_credit (
    credit_id        bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    flash_sale_code  text         NOT NULL REFERENCES flash_sale,
    reservation_id   uuid         NOT NULL,
    create_time      timestamptz  NOT NULL DEFAULT clock_timestamp()
);

-- Journal entries that could not be committed even alone: parked with the error, never blocking the others.
CREATE TABLE journal_dead_letter (
    dead_letter_id   bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    flash_sale_code  text         NOT NULL,
    reservation_id   text         NOT NULL,
    entry            jsonb        NOT NULL,
    error            text         NOT NULL,
    park_time        timestamptz  NOT NULL DEFAULT clock_timestamp()
);

-- Second in the lock order, after flash_sale.
CREATE FUNCTION lock_reservations(ids uuid[]) RETURNS SETOF reservation
LANGUAGE sql AS $$
    SELECT reservation.* FROM reservation WHERE reservation_id = ANY (ids) ORDER BY reservation_id FOR UPDATE
$$;

-- Third in the lock order.
CREATE FUNCTION lock_flash_sale_items(sale_codes text[], codes text[]) RETURNS SETOF flash_sale_item
LANGUAGE sql AS $$
    SELECT flash_sale_item.*
      FROM flash_sale_item
     WHERE (flash_sale_code, sku_code) IN (SELECT * FROM unnest(sale_codes, codes))
     ORDER BY flash_sale_code, sku_code
       FOR UPDATE
$$;

GRANT SELECT, INSERT, UPDATE ON flash_sale, flash_sale_item, reservation, reservation_draw TO lumbung_stock;
GRANT SELECT, INSERT, DELETE ON flash_credit TO lumbung_stock;
GRANT SELECT, INSERT ON journal_dead_letter, reservation_resolution TO lumbung_stock;
GRANT EXECUTE ON FUNCTION lock_reservations, lock_flash_sale_items TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
