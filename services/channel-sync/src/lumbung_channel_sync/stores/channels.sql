-- name: insert_channel
-- Nothing when the code is taken.
INSERT INTO channel (
    channel_code, platform, title, base_url, secret_reference, account_reference, max_requests_per_second, updated_by
)
VALUES (
    %(channel_code)s, %(platform)s, %(title)s, %(base_url)s, %(secret_reference)s, %(account_reference)s,
    %(max_requests_per_second)s, %(actor)s
)
ON CONFLICT (channel_code) DO NOTHING
RETURNING *

-- name: insert_channel_side_rows
-- What every channel has from the start, so that later statements only update.
WITH health AS (INSERT INTO channel_health (channel_code) VALUES (%(channel_code)s))
INSERT INTO channel_agreement (channel_code) VALUES (%(channel_code)s)

-- name: count_channels
SELECT count(*) FROM channel

-- name: update_channel
-- Only from the version that the caller has read.
UPDATE channel
SET title = %(title)s, base_url = %(base_url)s, secret_reference = %(secret_reference)s,
    account_reference = %(account_reference)s, max_requests_per_second = %(max_requests_per_second)s,
    row_version = row_version + 1, update_time = now(), updated_by = %(actor)s
WHERE channel_code = %(channel_code)s AND row_version = %(row_version)s
RETURNING *

-- name: set_pause_mode
UPDATE channel
SET pause_mode = %(pause_mode)s, row_version = row_version + 1, update_time = now(), updated_by = %(actor)s
WHERE channel_code = %(channel_code)s
RETURNING *

-- name: set_stage
-- Only from the stage that the caller thinks it is in.
UPDATE channel
SET stage = %(to_stage)s, stage_begin_time = now(), row_version = row_version + 1, update_time = now(),
    updated_by = %(actor)s
WHERE channel_code = %(channel_code)s AND stage = %(from_stage)s
RETURNING *

-- name: get_channel
SELECT * FROM channel WHERE channel_code = %(channel_code)s

-- name: list_channels
SELECT * FROM channel WHERE channel_code > %(after)s ORDER BY channel_code LIMIT %(limit)s

-- name: get_health
SELECT failures_in_row, reason, message, occur_time, next_call_time
FROM channel_health WHERE channel_code = %(channel_code)s

-- name: note_success
-- Written only when there was trouble before: the usual case costs no write. A call that was under way when the
-- trouble came says nothing about it: a 429 stays respected.
UPDATE channel_health
SET failures_in_row = 0, reason = '', message = '', occur_time = NULL, next_call_time = NULL
WHERE channel_code = %(channel_code)s AND failures_in_row > 0
    AND occur_time < now() - make_interval(secs => %(elapsed_s)s)

-- name: note_trouble
UPDATE channel_health
SET failures_in_row = failures_in_row + 1, reason = %(reason)s, message = %(message)s, occur_time = now(),
    next_call_time = now() + make_interval(secs => %(delay_s)s)
WHERE channel_code = %(channel_code)s

-- name: get_agreement
SELECT figures_compared, figures_agreed, decrements_compared, decrements_agreed, cancellations_compared,
    cancellations_agreed
FROM channel_agreement WHERE channel_code = %(channel_code)s

-- name: add_agreement
UPDATE channel_agreement
SET figures_compared = figures_compared + %(figures_compared)s,
    figures_agreed = figures_agreed + %(figures_agreed)s,
    decrements_compared = decrements_compared + %(decrements_compared)s,
    decrements_agreed = decrements_agreed + %(decrements_agreed)s,
    cancellations_compared = cancellations_compared + %(cancellations_compared)s,
    cancellations_agreed = cancellations_agreed + %(cancellations_agreed)s
WHERE channel_code = %(channel_code)s

-- name: reset_agreement
-- A new stage counts anew.
WITH gone AS (DELETE FROM disagreement WHERE channel_code = %(channel_code)s)
UPDATE channel_agreement
SET figures_compared = 0, figures_agreed = 0, decrements_compared = 0, decrements_agreed = 0,
    cancellations_compared = 0, cancellations_agreed = 0
WHERE channel_code = %(channel_code)s

-- name: add_disagreements
INSERT INTO disagreement (
    channel_code, listing_ref, sku_code, kind, expected_quantity, observed_quantity, observe_time
)
SELECT %(channel_code)s, found.listing_ref, found.sku_code, found.kind, found.expected, found.observed, now()
FROM unnest(
    %(listing_refs)s::text[], %(sku_codes)s::text[], %(kinds)s::text[], %(expected)s::bigint[], %(observed)s::bigint[]
) AS found (listing_ref, sku_code, kind, expected, observed)

-- name: trim_disagreements
-- Keeps the newest fifty of a channel.
DELETE FROM disagreement
WHERE channel_code = %(channel_code)s AND disagreement_id <= (
    SELECT disagreement_id FROM disagreement WHERE channel_code = %(channel_code)s
    ORDER BY disagreement_id DESC OFFSET 50 LIMIT 1
)

-- name: list_disagreements
SELECT listing_ref, sku_code, kind, expected_quantity, observed_quantity, observe_time
FROM disagreement WHERE channel_code = %(channel_code)s ORDER BY disagreement_id DESC LIMIT 50

-- name: forgive
-- A person has mended something: tried at once, unless the platform itself has named a time.
UPDATE channel_health
SET failures_in_row = 0, reason = '', message = '', occur_time = NULL, next_call_time = NULL
WHERE channel_code = %(channel_code)s AND reason <> 'RATE_LIMITED'

-- name: is_callable
SELECT next_call_time IS NULL OR next_call_time <= now() FROM channel_health WHERE channel_code = %(channel_code)s
