-- migrate:up

-- Sales channels. Secrets are not here: secret_reference names them in the service's secrets file.
CREATE TABLE channel (
    channel_code text NOT NULL,
    platform text NOT NULL,
    title text NOT NULL,
    base_url text NOT NULL,
    secret_reference text NOT NULL,
    account_reference text NOT NULL DEFAULT '',
    max_requests_per_second bigint NOT NULL,
    stage text NOT NULL DEFAULT 'SHADOW',
    stage_begin_time timestamptz NOT NULL DEFAULT now(),
    pause_mode text,
    row_version bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL,
    CONSTRAINT channel_pkey PRIMARY KEY (channel_code),
    CONSTRAINT channel_stage_known CHECK (stage IN ('SHADOW', 'SOME', 'ALL')),
    CONSTRAINT channel_pause_mode_known CHECK (pause_mode IN ('SELL_NOTHING', 'FREEZE')),
    CONSTRAINT channel_requests_bounded CHECK (max_requests_per_second BETWEEN 1 AND 1000)
);

-- Whether a platform as a whole can be called: after a 429 or an outage nothing is sent before next_call_time.
CREATE TABLE channel_health (
    channel_code text NOT NULL,
    failures_in_row bigint NOT NULL DEFAULT 0,
    reason text NOT NULL DEFAULT '',
    message text NOT NULL DEFAULT '',
    occur_time timestamptz,
    next_call_time timestamptz,
    CONSTRAINT channel_health_pkey PRIMARY KEY (channel_code),
    CONSTRAINT channel_health_channel_fkey FOREIGN KEY (channel_code) REFERENCES channel (channel_code)
);

-- What agreed since the present stage began; emptied when the stage changes.
CREATE TABLE channel_agreement (
    channel_code text NOT NULL,
    figures_compared bigint NOT NULL DEFAULT 0,
    figures_agreed bigint NOT NULL DEFAULT 0,
    decrements_compared bigint NOT NULL DEFAULT 0,
    decrements_agreed bigint NOT NULL DEFAULT 0,
    cancellations_compared bigint NOT NULL DEFAULT 0,
    cancellations_agreed bigint NOT NULL DEFAULT 0,
    CONSTRAINT channel_agreement_pkey PRIMARY KEY (channel_code),
    CONSTRAINT channel_agreement_channel_fkey FOREIGN KEY (channel_code) REFERENCES channel (channel_code),
    CONSTRAINT channel_agreement_counts CHECK (
        figures_agreed BETWEEN 0 AND figures_compared
        AND decrements_agreed BETWEEN 0 AND decrements_compared
        AND cancellations_agreed BETWEEN 0 AND cancellations_compared
    )
);

CREATE TABLE disagreement (
    disagreement_id bigint GENERATED ALWAYS AS IDENTITY,
    channel_code text NOT NULL,
    listing_ref text NOT NULL,
    sku_code text NOT NULL,
    kind text NOT NULL,
    expected_quantity bigint NOT NULL,
    observed_quantity bigint NOT NULL,
    observe_time timestamptz NOT NULL,
    CONSTRAINT disagreement_pkey PRIMARY KEY (disagreement_id),
    CONSTRAINT disagreement_channel_fkey FOREIGN KEY (channel_code) REFERENCES channel (channel_code)
);
CREATE INDEX disagreement_by_channel ON disagreement (channel_code, disagreement_id DESC);

GRANT SELECT, INSERT, UPDATE ON channel, channel_health, channel_agreement TO lumbung_channel_sync;
GRANT SELECT, INSERT, DELETE ON disagreement TO lumbung_channel_sync;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
