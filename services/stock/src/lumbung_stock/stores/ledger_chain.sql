-- name: heads
-- Those who follow a head read it before the entries: what is appended meanwhile lies behind it.
SELECT warehouse_code, sequence, chained, hash
  FROM ledger_head
 WHERE %(warehouse_code)s::text = '' OR warehouse_code = %(warehouse_code)s
 ORDER BY warehouse_code;

-- name: stretch
-- A stretch of entries, each laid beside the hash that it must have behind the one before it.
WITH linked AS (
    SELECT sequence, hash,
           lag(sequence, 1, %(after)s::bigint) OVER (ORDER BY sequence) + 1 AS wanted,
           ledger_hash(lag(hash, 1, %(hash)s::bytea) OVER (ORDER BY sequence), entry) AS must_be
      FROM ledger_entry AS entry
     WHERE warehouse_code = %(warehouse_code)s
       AND sequence > %(after)s
       AND sequence <= %(through)s
)
SELECT count(*),
       coalesce(max(sequence), %(after)s),
       coalesce((SELECT hash FROM linked ORDER BY sequence DESC LIMIT 1), %(hash)s),
       min(wanted) FILTER (WHERE wanted <> sequence),
       min(sequence) FILTER (WHERE hash IS DISTINCT FROM must_be)
  FROM linked;

-- name: beyond_head
-- One statement, one snapshot: nobody appends between the two looks.
SELECT min(entry.sequence)
  FROM ledger_head AS head
  JOIN ledger_entry AS entry ON entry.warehouse_code = head.warehouse_code AND entry.sequence > head.chained
 WHERE head.warehouse_code = %(warehouse_code)s;

-- name: seals
SELECT warehouse_code, sequence, hash
  FROM ledger_seal
 WHERE warehouse_code = %(warehouse_code)s AND sequence > %(after)s
 ORDER BY sequence
 LIMIT %(limit)s;

-- name: hashes
SELECT sequence, hash
  FROM ledger_entry
 WHERE warehouse_code = %(warehouse_code)s AND sequence = ANY (%(sequences)s::bigint[]);

-- name: seal
-- Not a head that is sealed already, nor one soon after another.
INSERT INTO ledger_seal (warehouse_code, sequence, hash)
SELECT %(warehouse_code)s, %(sequence)s, %(hash)s
 WHERE NOT EXISTS (
       SELECT FROM ledger_seal
        WHERE warehouse_code = %(warehouse_code)s
          AND (sequence >= %(sequence)s OR seal_time > clock_timestamp() - make_interval(secs => %(interval_s)s))
       )
ON CONFLICT DO NOTHING
RETURNING sequence;
