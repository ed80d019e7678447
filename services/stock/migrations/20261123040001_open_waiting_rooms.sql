-- migrate:up

-- The waiting room of a sale that was planned with one; of a sale in pools it is the sale's, not theirs.
CREATE TABLE waiting_room (
    flash_sale_code   text              PRIMARY KEY REFERENCES flash_sale,
    admission_order   smallint          NOT NULL,
    -- The room wakes when so many times what is left is asked for; 0: it is awake from the first call on.
    demand_multiple   integer           NOT NULL,
    admission_s       integer           NOT NULL,
    lottery_window_s  integer           NOT NULL,
    -- Tickets are made of it and of the customer's key: whoever reads the tickets' table alone can forge none.
    secret            bytea             NOT NULL,
    lottery_seed      bytea             NOT NULL,
    awake             boolean           NOT NULL DEFAULT false,
    pressed_time      timestamptz,
    draw_time         timestamptz,
    drawn             boolean           NOT NULL DEFAULT false,
    -- Places are 1, 2, 3 and so on, without a gap; all up to admitted_through have had their turn.
    last_place        bigint            NOT NULL DEFAULT 0,
    admitted_through  bigint            NOT NULL DEFAULT 0,
    in_draw           bigint            NOT NULL DEFAULT 0,
    joined_count      bigint            NOT NULL DEFAULT 0,
    used_count        bigint            NOT NULL DEFAULT 0,
    used_units        bigint            NOT NULL DEFAULT 0,
    lapsed_count      bigint            NOT NULL DEFAULT 0,
    -- Admissions in a second lately, when that was reckoned.
    admission_rate    double precision  NOT NULL DEFAULT 0,
    rate_time         timestamptz,
    CONSTRAINT waiting_room_order_known CHECK (admission_order BETWEEN 1 AND 2),
    CONSTRAINT waiting_room_turns_within CHECK (admitted_through BETWEEN 0 AND last_place)
);

CREATE TABLE waiting_ticket (
    flash_sale_code     text         NOT NULL REFERENCES waiting_room,
    customer_reference  text         NOT NULL,
    channel_code        text         NOT NULL,
    -- The request that took the place.
    request_id          text         NOT NULL,
    content_hash        bytea        NOT NULL,
    actor               text         NOT NULL,
    -- 1 waits, 2 admitted, 3 has bought, 4 let its time pass.
    state               smallint     NOT NULL,
    -- None before the draw of a lottery, which goes by the lot.
    place               bigint,
    lot                 bytea        NOT NULL,
    join_time           timestamptz  NOT NULL DEFAULT clock_timestamp(),
    admit_time          timestamptz,
    admitted_until      timestamptz,
    -- One place for each customer.
    PRIMARY KEY (flash_sale_code, customer_reference),
    CONSTRAINT waiting_ticket_request_once UNIQUE (request_id),
    CONSTRAINT waiting_ticket_state_known CHECK (state BETWEEN 1 AND 4),
    CONSTRAINT waiting_ticket_waits_or_was_admitted CHECK ((state = 1) = (admitted_until IS NULL))
);
CREATE UNIQUE INDEX waiting_ticket_place_once ON waiting_ticket (flash_sale_code, place) WHERE state = 1;
CREATE INDEX waiting_ticket_admitted ON waiting_ticket (flash_sale_code, admitted_until) WHERE state = 2;

GRANT SELECT, INSERT, UPDATE ON waiting_room TO lumbung_stock;
GRANT SELECT, INSERT, UPDATE, DELETE ON waiting_ticket TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
