-- name: queue_answers
-- What channels have to be told; each thing once per order.
INSERT INTO order_answer (channel_code, order_ref, kind, reason, message, traceparent)
SELECT * FROM unnest(
    %(channel_codes)s::text[], %(order_refs)s::text[], %(kinds)s::text[], %(reasons)s::text[], %(messages)s::text[],
    %(traceparents)s::text[]
)
ON CONFLICT ON CONSTRAINT order_answer_once DO NOTHING

-- name: waiting_channels
-- Channels that have to be told something and may be called now.
SELECT DISTINCT answer.channel_code
FROM order_answer AS answer
INNER JOIN channel_health AS health ON health.channel_code = answer.channel_code
WHERE answer.sent_time IS NULL AND answer.park_time IS NULL AND answer.next_attempt_time <= now()
    AND (health.next_call_time IS NULL OR health.next_call_time <= now())

-- name: read_waiting
-- What one channel has to be told, in the order in which it was decided; of one order, never a later thing first.
SELECT answer.answer_id, answer.channel_code, answer.order_ref, answer.kind, answer.reason, answer.message,
    answer.traceparent, answer.attempt_count
FROM order_answer AS answer
WHERE answer.channel_code = %(channel_code)s AND answer.sent_time IS NULL AND answer.park_time IS NULL
    AND answer.next_attempt_time <= now()
    AND NOT EXISTS (
        SELECT FROM order_answer AS earlier
        WHERE earlier.channel_code = answer.channel_code AND earlier.order_ref = answer.order_ref
            AND earlier.answer_id < answer.answer_id AND earlier.sent_time IS NULL AND earlier.park_time IS NULL
    )
ORDER BY answer.answer_id
LIMIT %(limit)s

-- name: mark_sent
UPDATE order_answer SET sent_time = now(), problem_reason = '', problem = ''
WHERE answer_id = ANY(%(answer_ids)s) AND sent_time IS NULL

-- name: mark_failed
UPDATE order_answer AS answer
SET attempt_count = answer.attempt_count + 1, problem_reason = failed.reason, problem = failed.message,
    next_attempt_time = now() + make_interval(secs => failed.delay_s),
    park_time = CASE WHEN failed.parked THEN now() END
FROM unnest(
    %(answer_ids)s::bigint[], %(reasons)s::text[], %(messages)s::text[], %(delays_s)s::float8[], %(parked)s::boolean[]
) AS failed (answer_id, reason, message, delay_s, parked)
WHERE answer.answer_id = failed.answer_id AND answer.sent_time IS NULL

-- name: count_waiting
SELECT count(*) FROM order_answer
WHERE channel_code = %(channel_code)s AND sent_time IS NULL AND park_time IS NULL

-- name: replay
UPDATE order_answer SET park_time = NULL, next_attempt_time = now()
WHERE answer_id = %(answer_id)s AND sent_time IS NULL
RETURNING answer_id

-- name: discard
UPDATE order_answer SET park_time = NULL, sent_time = now(), problem_reason = 'DISCARDED', problem = %(problem)s
WHERE answer_id = %(answer_id)s AND park_time IS NOT NULL
RETURNING answer_id
