-- name: store_deliveries
-- One row per effect: the same order, cancellation or return again only counts.
INSERT INTO inbox (
    channel_code, kind, subject_ref, order_ref, message, raw_body, delivery_ref, traceparent, reason
)
SELECT * FROM unnest(
    %(channel_codes)s::text[], %(kinds)s::text[], %(subject_refs)s::text[], %(order_refs)s::text[],
    %(messages)s::jsonb[], %(raw_bodies)s::bytea[], %(delivery_refs)s::text[], %(traceparents)s::text[],
    %(reasons)s::text[]
)
ON CONFLICT ON CONSTRAINT inbox_one_per_effect
DO UPDATE SET duplicate_count = inbox.duplicate_count + 1

-- name: claim
-- Deliveries to work through now, oldest first, none that somebody else works on. Those about one order are worked
-- through one after the other: not before an earlier one is done, and never while another is claimed.
WITH picked AS (
    SELECT waiting.inbox_id
    FROM inbox AS waiting
    WHERE waiting.done_time IS NULL AND waiting.park_time IS NULL AND waiting.next_attempt_time <= now()
        AND (waiting.claimed_until IS NULL OR waiting.claimed_until < now())
        AND NOT EXISTS (
            SELECT FROM inbox AS other
            WHERE other.channel_code = waiting.channel_code AND other.order_ref = waiting.order_ref
                AND other.inbox_id <> waiting.inbox_id AND other.done_time IS NULL AND other.park_time IS NULL
                AND (other.inbox_id < waiting.inbox_id OR other.claimed_until >= now())
        )
    ORDER BY waiting.next_attempt_time, waiting.inbox_id
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE inbox
SET claimed_until = now() + make_interval(secs => %(lease_s)s), claimed_by = %(worker)s,
    attempt_count = inbox.attempt_count + 1
FROM picked
WHERE inbox.inbox_id = picked.inbox_id
RETURNING inbox.inbox_id, inbox.channel_code, inbox.kind, inbox.order_ref, inbox.message, inbox.traceparent,
    inbox.attempt_count, inbox.receive_time, inbox.reason

-- name: release_claims
-- What this worker has claimed and does not work on (any more): it was killed, or lost its store. It need not wait
-- for its lease.
UPDATE inbox SET claimed_until = NULL
WHERE claimed_by = %(worker)s AND claimed_until IS NOT NULL AND done_time IS NULL AND park_time IS NULL
    AND inbox_id <> ALL(%(in_flight)s)

-- name: finish
UPDATE inbox SET done_time = now(), claimed_until = NULL, park_time = NULL, raw_body = NULL
WHERE inbox_id = ANY(%(inbox_ids)s) AND done_time IS NULL

-- name: postpone
UPDATE inbox
SET claimed_until = NULL, next_attempt_time = now() + make_interval(secs => %(delay_s)s), reason = %(reason)s,
    problem = %(problem)s
WHERE inbox_id = %(inbox_id)s AND done_time IS NULL AND park_time IS NULL

-- name: park
UPDATE inbox
SET claimed_until = NULL, park_time = now(), reason = %(reason)s, problem = %(problem)s
WHERE inbox_id = %(inbox_id)s AND done_time IS NULL AND park_time IS NULL
RETURNING inbox_id AS dead_letter_id, channel_code, kind, order_ref, reason, problem AS message, attempt_count,
    receive_time, park_time

-- name: count_waiting
SELECT count(*), coalesce(extract(epoch FROM now() - min(receive_time)), 0)::float8
FROM inbox WHERE channel_code = %(channel_code)s AND done_time IS NULL AND park_time IS NULL

-- name: list_dead_letters
-- Deliveries and answers that wait for a person: both draw their numbers from one sequence.
SELECT * FROM (
    SELECT inbox_id AS dead_letter_id, channel_code, kind, order_ref, reason, problem AS message, attempt_count,
        receive_time, park_time
    FROM inbox WHERE park_time IS NOT NULL
    UNION ALL
    SELECT answer_id, channel_code, 'ANSWER', order_ref, 'ANSWER_REFUSED', problem_reason || ': ' || problem,
        attempt_count, create_time, park_time
    FROM order_answer WHERE park_time IS NOT NULL
) AS letter
WHERE dead_letter_id > %(after)s AND (%(channel_code)s = '' OR channel_code = %(channel_code)s)
ORDER BY dead_letter_id
LIMIT %(limit)s

-- name: count_dead_letters
SELECT (SELECT count(*) FROM inbox WHERE park_time IS NOT NULL AND channel_code = %(channel_code)s)
    + (SELECT count(*) FROM order_answer WHERE park_time IS NOT NULL AND channel_code = %(channel_code)s)

-- name: replay
-- Back among those that wait.
UPDATE inbox SET park_time = NULL, next_attempt_time = now(), claimed_until = NULL
WHERE inbox_id = %(inbox_id)s AND done_time IS NULL
RETURNING kind, channel_code, order_ref

-- name: discard
-- Given up; it stays on record with the reason.
UPDATE inbox SET park_time = NULL, done_time = now(), raw_body = NULL, problem = %(problem)s
WHERE inbox_id = %(inbox_id)s AND park_time IS NOT NULL
RETURNING kind, channel_code, order_ref


-- name: problem_of
SELECT reason FROM inbox
WHERE channel_code = %(channel_code)s AND kind = %(kind)s AND subject_ref = %(subject_ref)s
