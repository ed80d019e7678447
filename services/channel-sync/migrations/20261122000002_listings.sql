-- migrate:up

-- What is sold under which reference of a channel, and how much of the stock it may show.
CREATE TABLE listing (
    channel_code text NOT NULL,
    listing_ref text NOT NULL,
    sku_code text NOT NULL,
    units_per_item bigint NOT NULL,
    buffer_quantity bigint NOT NULL,
    share_percent bigint NOT NULL,
    cap_quantity bigint,
    live boolean NOT NULL,
    pause_mode text,
    row_version bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL,
    CONSTRAINT listing_pkey PRIMARY KEY (channel_code, listing_ref),
    CONSTRAINT listing_channel_fkey FOREIGN KEY (channel_code) REFERENCES channel (channel_code),
    CONSTRAINT listing_rules_bounded CHECK (
        units_per_item >= 1 AND buffer_quantity >= 0 AND share_percent BETWEEN 1 AND 100 AND cap_quantity >= 0
    ),
    CONSTRAINT listing_pause_mode_known CHECK (pause_mode IN ('SELL_NOTHING', 'FREEZE'))
);
CREATE INDEX listing_by_sku ON listing (sku_code);

-- The figure on both sides. Level-triggered: what is desired stands beside what was confirmed.
--   marks       grows whenever something could have changed the figure; due while marks > considered_marks
--   moves       grows whenever the channel itself moved its figure (an order, a cancellation): from then on
--               what was confirmed is no longer known to be shown, and confirmed_quantity is null
--   versions    only grow; every push carries one, so that a late push never overwrites a newer figure
--   stock_position  stock's event position of the availability behind the desired figure: an older one never wins
CREATE TABLE listing_sync (
    channel_code text NOT NULL,
    listing_ref text NOT NULL,
    marks bigint NOT NULL DEFAULT 1,
    considered_marks bigint NOT NULL DEFAULT 0,
    due_since timestamptz DEFAULT now(),
    moves bigint NOT NULL DEFAULT 0,
    stock_position bigint NOT NULL DEFAULT 0,
    desired_quantity bigint,
    desired_sale_code text NOT NULL DEFAULT '',
    desired_version bigint NOT NULL DEFAULT 0,
    desire_time timestamptz,
    figure_reason jsonb,
    pushed_quantity bigint,
    pushed_version bigint NOT NULL DEFAULT 0,
    push_time timestamptz,
    confirmed_quantity bigint,
    confirmed_version bigint NOT NULL DEFAULT 0,
    confirmed_sale_code text NOT NULL DEFAULT '',
    confirm_time timestamptz,
    observed_quantity bigint,
    observe_time timestamptz,
    items_ordered bigint NOT NULL DEFAULT 0,
    items_cancelled bigint NOT NULL DEFAULT 0,
    suspect boolean NOT NULL DEFAULT false,
    drifted boolean NOT NULL DEFAULT false,
    failures_in_row bigint NOT NULL DEFAULT 0,
    problem_reason text NOT NULL DEFAULT '',
    problem_message text NOT NULL DEFAULT '',
    problem_time timestamptz,
    next_attempt_time timestamptz,
    parked boolean NOT NULL DEFAULT false,
    CONSTRAINT listing_sync_pkey PRIMARY KEY (channel_code, listing_ref),
    CONSTRAINT listing_sync_listing_fkey FOREIGN KEY (channel_code, listing_ref)
        REFERENCES listing (channel_code, listing_ref) ON DELETE CASCADE,
    CONSTRAINT listing_sync_desired_not_negative CHECK (desired_quantity >= 0),
    CONSTRAINT listing_sync_versions_ordered CHECK (
        0 <= confirmed_version AND confirmed_version <= pushed_version AND pushed_version <= desired_version
    ),
    CONSTRAINT listing_sync_marks_ordered CHECK (considered_marks <= marks)
);
CREATE INDEX listing_sync_due ON listing_sync (channel_code, due_since) WHERE marks > considered_marks AND NOT parked;
CREATE INDEX listing_sync_drifted ON listing_sync (channel_code, listing_ref) WHERE drifted;

-- One listing with its figure on both sides, and its state in a word.
CREATE VIEW listing_status WITH (security_invoker = true) AS
SELECT
    sync.*,
    listing.sku_code,
    CASE
        WHEN sync.parked THEN 'PARKED'
        WHEN channel.stage = 'SHADOW' OR (channel.stage = 'SOME' AND NOT listing.live) THEN 'COMPARED'
        WHEN 'FREEZE' IN (channel.pause_mode, listing.pause_mode)
            AND coalesce(channel.pause_mode, '') <> 'SELL_NOTHING'
            AND coalesce(listing.pause_mode, '') <> 'SELL_NOTHING' THEN 'FROZEN'
        WHEN sync.marks = sync.considered_marks THEN 'IN_SYNC'
        WHEN sync.failures_in_row > 0 OR health.failures_in_row > 0 THEN 'RETRYING'
        ELSE 'DUE'
    END AS state
FROM listing_sync AS sync
INNER JOIN listing ON listing.channel_code = sync.channel_code AND listing.listing_ref = sync.listing_ref
INNER JOIN channel ON channel.channel_code = sync.channel_code
INNER JOIN channel_health AS health ON health.channel_code = sync.channel_code;

GRANT SELECT, INSERT, UPDATE, DELETE ON listing, listing_sync TO lumbung_channel_sync;
GRANT SELECT ON listing_status TO lumbung_channel_sync;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
