-- migrate:up

-- One sequence for both queues, so that a dead letter's number says which row it is.
CREATE SEQUENCE work_id_seq;

-- Signed deliveries, stored before they are answered. One row per effect, not per delivery: duplicates only count.
-- message holds what the connector understood, never the raw body, which carries names and addresses;
-- only what could not be understood keeps its raw bytes, until a person has dealt with it.
CREATE TABLE inbox (
    inbox_id bigint NOT NULL DEFAULT nextval('work_id_seq'),
    channel_code text NOT NULL,
    kind text NOT NULL,
    subject_ref text NOT NULL,
    order_ref text NOT NULL,
    message jsonb NOT NULL,
    raw_body bytea,
    delivery_ref text NOT NULL DEFAULT '',
    traceparent text NOT NULL DEFAULT '',
    receive_time timestamptz NOT NULL DEFAULT now(),
    duplicate_count bigint NOT NULL DEFAULT 0,
    attempt_count bigint NOT NULL DEFAULT 0,
    next_attempt_time timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz,
    claimed_by text NOT NULL DEFAULT '',
    done_time timestamptz,
    park_time timestamptz,
    reason text NOT NULL DEFAULT '',
    problem text NOT NULL DEFAULT '',
    CONSTRAINT inbox_pkey PRIMARY KEY (inbox_id),
    CONSTRAINT inbox_one_per_effect UNIQUE (channel_code, kind, subject_ref),
    CONSTRAINT inbox_channel_fkey FOREIGN KEY (channel_code) REFERENCES channel (channel_code),
    CONSTRAINT inbox_kind_known CHECK (kind IN ('ORDER', 'CANCELLATION', 'RETURN', 'UNREADABLE')),
    CONSTRAINT inbox_done_or_parked CHECK (done_time IS NULL OR park_time IS NULL)
);
CREATE INDEX inbox_waiting ON inbox (next_attempt_time, inbox_id) WHERE done_time IS NULL AND park_time IS NULL;
CREATE INDEX inbox_undone_by_order ON inbox (channel_code, order_ref, inbox_id) WHERE done_time IS NULL AND park_time IS NULL;
CREATE INDEX inbox_parked ON inbox (inbox_id) WHERE park_time IS NOT NULL;

-- Orders of channels: one order is one reservation in stock.
CREATE TABLE channel_order (
    order_id bigint GENERATED ALWAYS AS IDENTITY,
    channel_code text NOT NULL,
    order_ref text NOT NULL,
    state text NOT NULL,
    customer_reference text NOT NULL DEFAULT '',
    courier_service text NOT NULL DEFAULT '',
    place_time timestamptz,
    receive_time timestamptz NOT NULL DEFAULT now(),
    reserve_round bigint NOT NULL DEFAULT 1,
    decide_time timestamptz,
    reservation_id uuid,
    reason text NOT NULL DEFAULT '',
    message text NOT NULL DEFAULT '',
    cancel_time timestamptz,
    cancel_reason text NOT NULL DEFAULT '',
    cancel_came_too_late boolean NOT NULL DEFAULT false,
    answer_time timestamptz,
    traceparent text NOT NULL DEFAULT '',
    CONSTRAINT channel_order_pkey PRIMARY KEY (channel_code, order_ref),
    CONSTRAINT channel_order_id_key UNIQUE (order_id),
    CONSTRAINT channel_order_channel_fkey FOREIGN KEY (channel_code) REFERENCES channel (channel_code),
    CONSTRAINT channel_order_state_known CHECK (
        state IN ('RECEIVED', 'ACCEPTED', 'REFUSED', 'CANCELLED', 'SHADOWED', 'STUCK')
    ),
    CONSTRAINT channel_order_accepted_is_reserved CHECK (state <> 'ACCEPTED' OR reservation_id IS NOT NULL),
    CONSTRAINT channel_order_refused_says_why CHECK (state <> 'REFUSED' OR reason <> '')
);
CREATE INDEX channel_order_undecided ON channel_order (channel_code, order_ref) WHERE state IN ('RECEIVED', 'STUCK');
CREATE UNIQUE INDEX channel_order_by_reservation ON channel_order (reservation_id) WHERE reservation_id IS NOT NULL;

CREATE TABLE channel_order_line (
    channel_code text NOT NULL,
    order_ref text NOT NULL,
    line_number bigint NOT NULL,
    listing_ref text NOT NULL,
    sku_code text,
    item_quantity bigint NOT NULL,
    unit_quantity bigint NOT NULL,
    flash_sale_code text NOT NULL DEFAULT '',
    CONSTRAINT channel_order_line_pkey PRIMARY KEY (channel_code, order_ref, line_number),
    CONSTRAINT channel_order_line_order_fkey FOREIGN KEY (channel_code, order_ref)
        REFERENCES channel_order (channel_code, order_ref),
    CONSTRAINT channel_order_line_quantities CHECK (item_quantity >= 1 AND unit_quantity >= 0)
);

-- What channels still have to be told; one row per order and answer.
CREATE TABLE order_answer (
    answer_id bigint NOT NULL DEFAULT nextval('work_id_seq'),
    channel_code text NOT NULL,
    order_ref text NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL DEFAULT '',
    message text NOT NULL DEFAULT '',
    traceparent text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL DEFAULT now(),
    attempt_count bigint NOT NULL DEFAULT 0,
    next_attempt_time timestamptz NOT NULL DEFAULT now(),
    sent_time timestamptz,
    park_time timestamptz,
    problem_reason text NOT NULL DEFAULT '',
    problem text NOT NULL DEFAULT '',
    CONSTRAINT order_answer_pkey PRIMARY KEY (answer_id),
    CONSTRAINT order_answer_once UNIQUE (channel_code, order_ref, kind),
    CONSTRAINT order_answer_order_fkey FOREIGN KEY (channel_code, order_ref)
        REFERENCES channel_order (channel_code, order_ref),
    CONSTRAINT order_answer_kind_known CHECK (kind IN ('ACCEPT', 'REJECT', 'CANCEL', 'CANCEL_REFUSED')),
    CONSTRAINT order_answer_sent_or_parked CHECK (sent_time IS NULL OR park_time IS NULL)
);
CREATE INDEX order_answer_waiting ON order_answer (channel_code, answer_id) WHERE sent_time IS NULL AND park_time IS NULL;
CREATE INDEX order_answer_parked ON order_answer (answer_id) WHERE park_time IS NOT NULL;

-- Goods that channels say will come back; staff receive them.
CREATE TABLE expected_return (
    expected_return_id bigint GENERATED ALWAYS AS IDENTITY,
    channel_code text NOT NULL,
    return_ref text NOT NULL,
    order_ref text NOT NULL,
    lines jsonb NOT NULL,
    reason text NOT NULL DEFAULT '',
    receive_time timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT expected_return_pkey PRIMARY KEY (expected_return_id),
    CONSTRAINT expected_return_once UNIQUE (channel_code, return_ref),
    CONSTRAINT expected_return_channel_fkey FOREIGN KEY (channel_code) REFERENCES channel (channel_code)
);

GRANT USAGE ON SEQUENCE work_id_seq TO lumbung_channel_sync;
GRANT SELECT, INSERT, UPDATE ON inbox, channel_order, order_answer TO lumbung_channel_sync;
GRANT UPDATE (sku_code, unit_quantity) ON channel_order_line TO lumbung_channel_sync;
GRANT SELECT, INSERT ON channel_order_line, expected_return TO lumbung_channel_sync;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
