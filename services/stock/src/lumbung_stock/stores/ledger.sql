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
    actor, request_id, record_time, effective_time, lot_code
)
SELECT %(warehouse_code)s, moment.sequence_before + movement.number, sku_code, quantity, from_place, to_place, kind,
       reason, document, reservation_id, %(actor)s, %(request_id)s, moment.record_time,
       coalesce(%(effective_time)s::timestamptz, moment.record_time), lot_code
  FROM moment,
       unnest(
           %(sku_codes)s::text[], %(quantities)s::bigint[], %(from_places)s::text[], %(to_places)s::text[],
           %(kinds)s::smallint[], %(reasons)s::text[], %(documents)s::text[], %(reservation_ids)s::uuid[],
           %(lot_codes)s::text[]
       ) WITH ORDINALITY
       AS movement (sku_code, quantity, from_place, to_place, kind, reason, document, reservation_id, lot_code, number)
 ORDER BY movement.number
RETURNING warehouse_code, sequence, sku_code, quantity, from_place, to_place, kind, reason, document,
          reservation_id, actor, request_id, record_time, effective_time, lot_code;

-- name: list
-- Empty filters restrict nothing. A document is a document's own number, or a reservation. Times ascend with the sequence,
-- so a span of time is a span of sequences, which the pages go through without reading what lies outside.
SELECT warehouse_code, sequence, sku_code, quantity, from_place, to_place, kind, reason, document,
       reservation_id, actor, request_id, record_time, effective_time, lot_code
  FROM ledger_entry
 WHERE warehouse_code = %(warehouse_code)s
   AND (%(sku_code)s = '' OR sku_code = %(sku_code)s)
   AND (%(document)s = '' OR document = %(document)s OR reservation_id = %(reservation_id)s::uuid)
   AND (%(place_code)s = '' OR from_place = %(place_code)s OR to_place = %(place_code)s)
   AND (cardinality(%(kinds)s::smallint[]) = 0 OR kind = ANY (%(kinds)s::smallint[]))
   AND (%(actor)s = '' OR actor = %(actor)s)
   AND (%(lot_code)s = '' OR lot_code = %(lot_code)s)
   AND (%(request_id)s = '' OR request_id = %(request_id)s)
   AND (%(reason_code)s = '' OR split_part(reason, ': ', 1) = %(reason_code)s)
   AND (%(from_time)s::timestamptz IS NULL OR sequence >= (
           SELECT sequence FROM ledger_entry
            WHERE warehouse_code = %(warehouse_code)s AND record_time >= %(from_time)s
            ORDER BY record_time, sequence LIMIT 1
       ))
   AND (%(until_time)s::timestamptz IS NULL OR sequence <= (
           SELECT sequence FROM ledger_entry
            WHERE warehouse_code = %(warehouse_code)s AND record_time < %(until_time)s
            ORDER BY record_time DESC, sequence DESC LIMIT 1
       ))
   AND sequence > %(beyond_sequence)s
 ORDER BY sequence
 LIMIT %(limit)s;

-- name: list_newest
-- As `list`, backwards.
SELECT warehouse_code, sequence, sku_code, quantity, from_place, to_place, kind, reason, document,
       reservation_id, actor, request_id, record_time, effective_time, lot_code
  FROM ledger_entry
 WHERE warehouse_code = %(warehouse_code)s
   AND (%(sku_code)s = '' OR sku_code = %(sku_code)s)
   AND (%(document)s = '' OR document = %(document)s OR reservation_id = %(reservation_id)s::uuid)
   AND (%(place_code)s = '' OR from_place = %(place_code)s OR to_place = %(place_code)s)
   AND (cardinality(%(kinds)s::smallint[]) = 0 OR kind = ANY (%(kinds)s::smallint[]))
   AND (%(actor)s = '' OR actor = %(actor)s)
   AND (%(lot_code)s = '' OR lot_code = %(lot_code)s)
   AND (%(request_id)s = '' OR request_id = %(request_id)s)
   AND (%(reason_code)s = '' OR split_part(reason, ': ', 1) = %(reason_code)s)
   AND (%(from_time)s::timestamptz IS NULL OR sequence >= (
           SELECT sequence FROM ledger_entry
            WHERE warehouse_code = %(warehouse_code)s AND record_time >= %(from_time)s
            ORDER BY record_time, sequence LIMIT 1
       ))
   AND (%(until_time)s::timestamptz IS NULL OR sequence <= (
           SELECT sequence FROM ledger_entry
            WHERE warehouse_code = %(warehouse_code)s AND record_time < %(until_time)s
            ORDER BY record_time DESC, sequence DESC LIMIT 1
       ))
   AND sequence < %(beyond_sequence)s
 ORDER BY sequence DESC
 LIMIT %(limit)s;

-- name: now
-- Nobody is in the middle of an append when this is answered: what is written later gets a later time.
SELECT clock_timestamp()
  FROM ledger_head
 WHERE warehouse_code = %(warehouse_code)s
   FOR SHARE;

-- name: skus_on_page
-- SKUs that ever lay in these places, also where nothing of them is left.
SELECT DISTINCT sku_code
  FROM place_stock
 WHERE warehouse_code = %(warehouse_code)s
   AND sku_code > %(after_sku)s
   AND (cardinality(%(sku_codes)s::text[]) = 0 OR sku_code = ANY (%(sku_codes)s::text[]))
   AND (cardinality(%(place_codes)s::text[]) = 0 OR place_code = ANY (%(place_codes)s::text[]))
 ORDER BY sku_code
 LIMIT %(limit)s;

-- name: as_of
SELECT side.place_code, entry.sku_code, sum(side.units)::bigint AS quantity
  FROM ledger_entry AS entry
 CROSS JOIN LATERAL (VALUES (to_place, quantity), (from_place, -quantity)) AS side (place_code, units)
 WHERE warehouse_code = %(warehouse_code)s
   AND sku_code = ANY (%(sku_codes)s::text[])
   AND CASE WHEN %(by_effective_time)s THEN effective_time ELSE record_time END <= %(instant)s
   AND side.place_code <> ALL (%(outside)s::text[])
   AND (cardinality(%(place_codes)s::text[]) = 0 OR side.place_code = ANY (%(place_codes)s::text[]))
 GROUP BY entry.sku_code, side.place_code
HAVING sum(side.units) <> 0
 ORDER BY entry.sku_code, side.place_code;

-- name: lots_as_of
-- The same of what had a lot. The index of entries that have one holds all that is summed.
SELECT side.place_code, entry.sku_code, entry.lot_code, sum(side.units)::bigint AS quantity, lot.expires_on
  FROM ledger_entry AS entry
  JOIN lot USING (sku_code, lot_code)
 CROSS JOIN LATERAL (VALUES (to_place, quantity), (from_place, -quantity)) AS side (place_code, units)
 WHERE warehouse_code = %(warehouse_code)s
   AND entry.sku_code = ANY (%(sku_codes)s::text[])
   AND entry.lot_code <> ''
   AND CASE WHEN %(by_effective_time)s THEN effective_time ELSE record_time END <= %(instant)s
   AND side.place_code <> ALL (%(outside)s::text[])
   AND (cardinality(%(place_codes)s::text[]) = 0 OR side.place_code = ANY (%(place_codes)s::text[]))
 GROUP BY entry.sku_code, side.place_code, entry.lot_code, lot.expires_on
HAVING sum(side.units) <> 0
 ORDER BY entry.sku_code, side.place_code, lot.expires_on, entry.lot_code;
