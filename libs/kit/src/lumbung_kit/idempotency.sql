-- name: claim
-- Takes the right to answer this request until the end of the transaction (free is false while another transaction has
-- it), and looks up the answer given before.
select
    pg_try_advisory_xact_lock(hashtextextended(%(method)s || ' ' || %(request_id)s, 0)) as free,
    record.content_hash,
    record.response
from (values (1)) as always (present)
left join request_record as record on record.method = %(method)s and record.request_id = %(request_id)s

-- name: recall
-- The answer given before, if any; takes no right to answer.
select content_hash, response from request_record where method = %(method)s and request_id = %(request_id)s

-- name: remember
insert into request_record (method, request_id, content_hash, response)
values (%(method)s, %(request_id)s, %(content_hash)s, %(response)s)
