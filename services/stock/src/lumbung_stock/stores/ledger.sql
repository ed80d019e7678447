-- name: append
-- The head's row lock gives the sequence its order; it is taken last and held until the commit. The time is read
-- after the lock and is later than the last one, also when the clock was set back: within a warehouse times ascend with
-- the sequence. A trigger chains the entries by their hashes, in this order.
WITH head AS (
    UPDATE ledger_head
       SET sequence = sequence + cardinality(%(sku_codes)s::text[])
     WHERE warehouse_code = %(warehouse_code)s
    RETURNING sequence - cardinality(%(sku_codes)s::text[]) AS sequence_before, record_time AS last_time
), moment AS MATERIALIZED (
    SELECT sequence_before,
           greatest(clock_timestamp(), last_time + interval '1 microsecond') AS record_time
      FROM head
)
INSERT INTO ledger_entry (
    warehouse_code, sequence, sku_code, quantity, from_place, to_place, kind, reason, document, reservation_id,
    actor, request_id, record_time, effective_time
)
SELECT %(warehouse_code)s, moment.sequence_before + movement.number, sku_code, quantity, from_place, to_place, kind,
       reason, document, reservation_id, %(actor)s, %(request_id)s, moment.record_time,
       coalesce(%(effective_time)s::timestamptz, moment.record_time)
  FROM moment,
       unnest(
           %(sku_codes)s::text[], %(quantities)s::bigint[], %(from_places)s::text[], %(to_places)s::text[],
           %(kinds)s::smallint[], %(reasons)s::text[], %(documents)s::text[], %(reservation_ids)s::uuid[]
       ) WITH ORDINALITY
       AS movement (sku_code, quantity, from_place, to_place, kind, reason, document, reservation_id, number)
 ORDER BY movement.number
RETURNING warehouse_code, sequence, sku_code, quantity, from_place, to_place, kind, reason, document,
          reservation_id, actor, request_id, record_time, effective_time;

-- name: list
-- Empty filters restrict nothing. A document is a document's own number, or a reservation.
SELECT warehouse_code, sequence, sku_code, quantity, from_place, to_place, kind, reason, document,
       reservation_id, actor, request_id, record_time, effective_time
  FROM ledger_entry
 WHERE warehouse_code = %(warehouse_code)s
   AND (%(sku_code)s = '' OR sku_code = %(sku_code)s)
   AND (%(document)s = '' OR document = %(document)s OR reservation_id = %(reservation_id)s::uuid)
   AND sequence > %(after_sequence)s
 ORDER BY sequence
 LIMIT %(limit)s;
