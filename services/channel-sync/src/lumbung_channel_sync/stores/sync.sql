-- name: begin_sync
-- A new listing has nothing desired yet; one whose rules changed is considered again, and tried again if parked.
INSERT INTO listing_sync (channel_code, listing_ref)
SELECT %(channel_code)s, wanted.listing_ref
FROM unnest(%(listing_refs)s::text[]) AS wanted (listing_ref)
ORDER BY wanted.listing_ref
ON CONFLICT (channel_code, listing_ref) DO UPDATE
SET marks = listing_sync.marks + 1, due_since = coalesce(listing_sync.due_since, now()),
    failures_in_row = 0, problem_reason = '', problem_message = '', problem_time = NULL, next_attempt_time = NULL,
    parked = false, observed_quantity = NULL, items_ordered = 0, items_cancelled = 0, suspect = false

-- name: mark_skus
-- What can be promised of these SKUs has changed: every listing of them is due. Rows are locked in one order.
WITH touched AS (
    SELECT sync.channel_code, sync.listing_ref
    FROM listing
    INNER JOIN listing_sync AS sync
        ON sync.channel_code = listing.channel_code AND sync.listing_ref = listing.listing_ref
    WHERE listing.sku_code = ANY(%(sku_codes)s)
    ORDER BY sync.channel_code, sync.listing_ref
    FOR NO KEY UPDATE OF sync
)
UPDATE listing_sync AS sync
SET marks = sync.marks + 1, due_since = coalesce(sync.due_since, now())
FROM touched
WHERE sync.channel_code = touched.channel_code AND sync.listing_ref = touched.listing_ref

-- name: mark_channel
-- Stage or pause has changed: every listing of the channel is due, and looks begin anew.
WITH touched AS (
    SELECT channel_code, listing_ref FROM listing_sync WHERE channel_code = %(channel_code)s
    ORDER BY listing_ref FOR NO KEY UPDATE
)
UPDATE listing_sync AS sync
SET marks = sync.marks + 1, due_since = coalesce(sync.due_since, now()),
    observed_quantity = NULL, items_ordered = 0, items_cancelled = 0, suspect = false
FROM touched
WHERE sync.channel_code = touched.channel_code AND sync.listing_ref = touched.listing_ref

-- name: doubt_channel
-- The channel may be another shop now: nothing is known of what it shows, and what was refused may be taken.
WITH touched AS (
    SELECT channel_code, listing_ref FROM listing_sync WHERE channel_code = %(channel_code)s
    ORDER BY listing_ref FOR NO KEY UPDATE
)
UPDATE listing_sync AS sync
SET marks = sync.marks + 1, moves = sync.moves + 1, due_since = coalesce(sync.due_since, now()),
    confirmed_quantity = NULL, observed_quantity = NULL, items_ordered = 0, items_cancelled = 0, suspect = false,
    failures_in_row = 0, problem_reason = '', problem_message = '', problem_time = NULL, next_attempt_time = NULL,
    parked = false
FROM touched
WHERE sync.channel_code = touched.channel_code AND sync.listing_ref = touched.listing_ref

-- name: move_listings
-- The channel itself moved its figures (orders lower them, cancellations raise them): what was confirmed is no
-- longer known to be shown. Rows are locked in one order.
WITH wanted AS (
    SELECT moved.channel_code, moved.listing_ref, sum(moved.ordered) AS ordered, sum(moved.cancelled) AS cancelled
    FROM unnest(
        %(channel_codes)s::text[], %(listing_refs)s::text[], %(ordered)s::bigint[], %(cancelled)s::bigint[]
    ) AS moved (channel_code, listing_ref, ordered, cancelled)
    GROUP BY moved.channel_code, moved.listing_ref
),
touched AS (
    SELECT wanted.*
    FROM wanted
    INNER JOIN listing_sync AS sync
        ON sync.channel_code = wanted.channel_code AND sync.listing_ref = wanted.listing_ref
    ORDER BY wanted.channel_code, wanted.listing_ref
    FOR NO KEY UPDATE OF sync
)
UPDATE listing_sync AS sync
SET marks = sync.marks + 1, moves = sync.moves + 1, due_since = coalesce(sync.due_since, now()),
    confirmed_quantity = NULL,
    items_ordered = sync.items_ordered + touched.ordered,
    items_cancelled = sync.items_cancelled + touched.cancelled
FROM touched
WHERE sync.channel_code = touched.channel_code AND sync.listing_ref = touched.listing_ref

-- name: due_channels
-- Channels that have something due and may be called now, longest waiting first.
SELECT sync.channel_code
FROM listing_sync AS sync
INNER JOIN channel_health AS health ON health.channel_code = sync.channel_code
WHERE sync.marks > sync.considered_marks AND NOT sync.parked
    AND (sync.next_attempt_time IS NULL OR sync.next_attempt_time <= now())
    AND (health.next_call_time IS NULL OR health.next_call_time <= now())
GROUP BY sync.channel_code
ORDER BY min(sync.due_since)

-- name: read_due
-- What is due on one channel, longest waiting first, with everything that the figure depends on but stock's answer.
SELECT listing.listing_ref, listing.sku_code, listing.units_per_item, listing.buffer_quantity,
    listing.share_percent, listing.cap_quantity, listing.live, listing.pause_mode, sync.marks, sync.failures_in_row
FROM listing_sync AS sync
INNER JOIN listing ON listing.channel_code = sync.channel_code AND listing.listing_ref = sync.listing_ref
WHERE sync.channel_code = %(channel_code)s AND sync.marks > sync.considered_marks AND NOT sync.parked
    AND (sync.next_attempt_time IS NULL OR sync.next_attempt_time <= now())
ORDER BY sync.due_since, listing.listing_ref
LIMIT %(limit)s

-- name: undecided_units
-- Base units that channels have sold and stock has not answered for.
SELECT line.sku_code, sum(line.unit_quantity)::bigint
FROM channel_order AS sale
INNER JOIN channel_order_line AS line
    ON line.channel_code = sale.channel_code AND line.order_ref = sale.order_ref
WHERE sale.state IN ('RECEIVED', 'STUCK') AND line.sku_code = ANY(%(sku_codes)s)
GROUP BY line.sku_code

-- name: desire
-- Writes down what each listing should show, unless newer availability has been considered already. The version
-- grows when the figure is new, or when it is not known what the channel shows: a push under an old version would
-- be taken for one that has been applied. Rows that need a push stay due until the channel has confirmed.
WITH wanted AS (
    SELECT * FROM unnest(
        %(listing_refs)s::text[], %(quantities)s::bigint[], %(sale_codes)s::text[], %(reasons)s::jsonb[],
        %(marks)s::bigint[], %(pushed)s::boolean[]
    ) AS wanted (listing_ref, quantity, sale_code, reason, marks, pushed)
),
judged AS (
    SELECT wanted.*,
        sync.desired_quantity IS DISTINCT FROM wanted.quantity OR sync.desired_sale_code <> wanted.sale_code
            OR sync.confirmed_quantity IS NULL AS renewed,
        wanted.pushed AND (
            sync.confirmed_quantity IS DISTINCT FROM wanted.quantity
            OR sync.confirmed_sale_code <> wanted.sale_code
            OR sync.pushed_version > sync.confirmed_version
        ) AS needs_push
    FROM wanted
    INNER JOIN listing_sync AS sync
        ON sync.channel_code = %(channel_code)s AND sync.listing_ref = wanted.listing_ref
    WHERE sync.stock_position <= %(stock_position)s
    ORDER BY wanted.listing_ref
    FOR NO KEY UPDATE OF sync
)
UPDATE listing_sync AS sync
SET stock_position = %(stock_position)s,
    desired_quantity = judged.quantity,
    desired_sale_code = judged.sale_code,
    desired_version = sync.desired_version + judged.renewed::int,
    desire_time = CASE WHEN judged.renewed THEN now() ELSE sync.desire_time END,
    figure_reason = judged.reason,
    pushed_quantity = CASE WHEN judged.needs_push THEN judged.quantity ELSE sync.pushed_quantity END,
    pushed_version = CASE
        WHEN judged.needs_push THEN sync.desired_version + judged.renewed::int ELSE sync.pushed_version
    END,
    push_time = CASE WHEN judged.needs_push THEN now() ELSE sync.push_time END,
    considered_marks = CASE WHEN judged.needs_push THEN sync.considered_marks ELSE judged.marks END,
    due_since = CASE WHEN NOT judged.needs_push AND sync.marks = judged.marks THEN NULL ELSE sync.due_since END
FROM judged
WHERE sync.channel_code = %(channel_code)s AND sync.listing_ref = judged.listing_ref
RETURNING sync.listing_ref, judged.needs_push, sync.desired_quantity AS quantity, sync.desired_sale_code AS sale_code,
    sync.desired_version AS version, sync.moves, judged.marks, sync.failures_in_row

-- name: confirm_figures
-- The channel shows these now. Whoever bought or cancelled there meanwhile has moved the figure again.
WITH answered AS (
    SELECT * FROM unnest(
        %(listing_refs)s::text[], %(quantities)s::bigint[], %(sale_codes)s::text[], %(versions)s::bigint[],
        %(marks)s::bigint[], %(moves)s::bigint[]
    ) AS answered (listing_ref, quantity, sale_code, version, marks, moves)
),
touched AS (
    SELECT answered.*, sync.due_since AS was_due_since
    FROM answered
    INNER JOIN listing_sync AS sync
        ON sync.channel_code = %(channel_code)s AND sync.listing_ref = answered.listing_ref
    WHERE sync.confirmed_version <= answered.version AND answered.version <= sync.pushed_version
    ORDER BY answered.listing_ref
    FOR NO KEY UPDATE OF sync
)
UPDATE listing_sync AS sync
SET confirmed_quantity = CASE WHEN sync.moves = touched.moves THEN touched.quantity END,
    confirmed_sale_code = touched.sale_code,
    confirmed_version = touched.version,
    confirm_time = now(),
    considered_marks = greatest(sync.considered_marks, touched.marks),
    due_since = CASE WHEN sync.marks > touched.marks THEN now() END,
    failures_in_row = 0, problem_reason = '', problem_message = '', problem_time = NULL, next_attempt_time = NULL,
    items_ordered = 0, items_cancelled = 0, suspect = false, drifted = false
FROM touched
WHERE sync.channel_code = %(channel_code)s AND sync.listing_ref = touched.listing_ref
RETURNING coalesce(extract(epoch FROM now() - touched.was_due_since), 0)::float8

-- name: fail_figures
-- The channel did not take these. A parked row waits for a person; a stale one gets a version above the channel's.
WITH answered AS (
    SELECT * FROM unnest(
        %(listing_refs)s::text[], %(reasons)s::text[], %(messages)s::text[], %(delays_s)s::float8[],
        %(parked)s::boolean[], %(newest_versions)s::bigint[]
    ) AS answered (listing_ref, reason, message, delay_s, parked, newest_version)
),
touched AS (
    SELECT answered.*
    FROM answered
    INNER JOIN listing_sync AS sync
        ON sync.channel_code = %(channel_code)s AND sync.listing_ref = answered.listing_ref
    ORDER BY answered.listing_ref
    FOR NO KEY UPDATE OF sync
)
UPDATE listing_sync AS sync
SET failures_in_row = sync.failures_in_row + 1,
    problem_reason = touched.reason, problem_message = touched.message, problem_time = now(),
    next_attempt_time = now() + make_interval(secs => touched.delay_s),
    parked = touched.parked,
    desired_version = greatest(sync.desired_version, touched.newest_version),
    confirmed_quantity = CASE WHEN touched.newest_version > 0 THEN NULL ELSE sync.confirmed_quantity END
FROM touched
WHERE sync.channel_code = %(channel_code)s AND sync.listing_ref = touched.listing_ref

-- name: read_beliefs
-- What we think that listings show, before they are looked at: the next ones by reference, or those named.
SELECT sync.listing_ref, listing.sku_code,
    channel.stage = 'ALL' OR (channel.stage = 'SOME' AND listing.live) AS pushed,
    sync.marks, sync.moves, sync.desired_version, sync.desired_quantity, sync.confirmed_quantity,
    sync.observed_quantity, sync.items_ordered, sync.items_cancelled, sync.suspect, sync.parked,
    sync.pushed_version = sync.confirmed_version AND sync.marks = sync.considered_marks AND NOT EXISTS (
        SELECT FROM channel_order_line AS line
        INNER JOIN channel_order AS sale
            ON sale.channel_code = line.channel_code AND sale.order_ref = line.order_ref
        WHERE sale.state = 'RECEIVED' AND line.channel_code = sync.channel_code
            AND line.listing_ref = sync.listing_ref
    ) AS at_rest
FROM listing_sync AS sync
INNER JOIN listing ON listing.channel_code = sync.channel_code AND listing.listing_ref = sync.listing_ref
INNER JOIN channel ON channel.channel_code = sync.channel_code
WHERE sync.channel_code = %(channel_code)s AND sync.listing_ref > %(after)s
    AND (%(only)s::text[] IS NULL OR sync.listing_ref = ANY(%(only)s))
ORDER BY sync.listing_ref
LIMIT %(limit)s

-- name: note_looks
-- What was seen. Only where nothing has moved since the belief was read, else the look says nothing.
WITH looks AS (
    SELECT * FROM unnest(
        %(listing_refs)s::text[], %(observed)s::bigint[], %(marks)s::bigint[], %(moves)s::bigint[],
        %(say_nothing)s::boolean[], %(suspects)s::boolean[], %(drifts)s::boolean[], %(keeps_baseline)s::boolean[]
    ) AS looks (listing_ref, observed, marks, moves, says_nothing, suspect, drift, keeps_baseline)
),
touched AS (
    SELECT looks.*
    FROM looks
    INNER JOIN listing_sync AS sync
        ON sync.channel_code = %(channel_code)s AND sync.listing_ref = looks.listing_ref
    WHERE sync.marks = looks.marks AND sync.moves = looks.moves
    ORDER BY looks.listing_ref
    FOR NO KEY UPDATE OF sync
)
UPDATE listing_sync AS sync
SET observe_time = now(),
    observed_quantity = CASE WHEN touched.keeps_baseline THEN sync.observed_quantity ELSE touched.observed END,
    items_ordered = CASE WHEN touched.keeps_baseline THEN sync.items_ordered ELSE 0 END,
    items_cancelled = CASE WHEN touched.keeps_baseline THEN sync.items_cancelled ELSE 0 END,
    suspect = CASE WHEN touched.says_nothing THEN sync.suspect ELSE touched.suspect END,
    drifted = CASE WHEN touched.says_nothing THEN sync.drifted ELSE touched.drift END,
    confirmed_quantity = CASE WHEN touched.drift THEN NULL ELSE sync.confirmed_quantity END,
    marks = sync.marks + touched.drift::int,
    due_since = CASE WHEN touched.drift THEN now() ELSE sync.due_since END
FROM touched
WHERE sync.channel_code = %(channel_code)s AND sync.listing_ref = touched.listing_ref
RETURNING sync.listing_ref

-- name: repair
-- A person asks: tried again at once, under a new version, whatever was believed.
WITH touched AS (
    SELECT channel_code, listing_ref FROM listing_sync
    WHERE channel_code = %(channel_code)s AND listing_ref = ANY(%(listing_refs)s)
    ORDER BY listing_ref FOR NO KEY UPDATE
)
UPDATE listing_sync AS sync
SET marks = sync.marks + 1, due_since = coalesce(sync.due_since, now()), confirmed_quantity = NULL,
    failures_in_row = 0, problem_reason = '', problem_message = '', problem_time = NULL, next_attempt_time = NULL,
    parked = false
FROM touched
WHERE sync.channel_code = touched.channel_code AND sync.listing_ref = touched.listing_ref

-- name: observe
-- A person looked: the figures just read, without judging them.
UPDATE listing_sync AS sync
SET observed_quantity = seen.quantity, observe_time = now(), items_ordered = 0, items_cancelled = 0
FROM unnest(%(listing_refs)s::text[], %(quantities)s::bigint[]) AS seen (listing_ref, quantity)
WHERE sync.channel_code = %(channel_code)s AND sync.listing_ref = seen.listing_ref

-- name: list_statuses
SELECT status.*, coalesce(extract(epoch FROM now() - status.due_since), 0)::float8 AS lag_s
FROM listing_status AS status
WHERE (status.channel_code, status.listing_ref) > (%(after_channel)s, %(after_ref)s)
    AND (%(channel_code)s = '' OR status.channel_code = %(channel_code)s)
    AND (%(listing_refs)s::text[] IS NULL OR status.listing_ref = ANY(%(listing_refs)s))
    AND (%(sku_code)s = '' OR status.sku_code = %(sku_code)s)
    AND (%(state)s = '' OR status.state = %(state)s)
    AND (NOT %(drifted_only)s OR status.drifted)
ORDER BY status.channel_code, status.listing_ref
LIMIT %(limit)s

-- name: count_states
SELECT state, count(*), coalesce(extract(epoch FROM now() - min(due_since)), 0)::float8
FROM listing_status WHERE channel_code = %(channel_code)s
GROUP BY state ORDER BY state
