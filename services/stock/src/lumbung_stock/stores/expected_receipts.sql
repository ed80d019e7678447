-- name: insert
-- No row comes back when the supplier has an expected receipt with this document.
INSERT INTO expected_receipt (
    expected_receipt_id, warehouse_code, supplier, document, expected_time, over_delivery_percent, actor
)
VALUES (%(expected_receipt_id)s, %(warehouse_code)s, %(supplier)s, %(document)s,
        coalesce(%(expected_time)s::timestamptz, 'infinity'), %(over_delivery_percent)s, %(actor)s)
ON CONFLICT (supplier, document) WHERE state <> 4 DO NOTHING
RETURNING expected_receipt_id;

-- name: change
-- Bounded by expected_receipt_once.
UPDATE expected_receipt
   SET warehouse_code = %(warehouse_code)s,
       supplier = %(supplier)s,
       document = %(document)s,
       expected_time = coalesce(%(expected_time)s::timestamptz, 'infinity'),
       over_delivery_percent = %(over_delivery_percent)s,
       version = version + 1,
       update_time = clock_timestamp()
 WHERE expected_receipt_id = %(expected_receipt_id)s;

-- name: drop_lines
DELETE FROM expected_receipt_line WHERE expected_receipt_id = %(expected_receipt_id)s;

-- name: put_lines
-- What was received is replaced by what the caller, who has locked the document, has counted.
INSERT INTO expected_receipt_line (expected_receipt_id, sku_code, expected_quantity, received_quantity)
SELECT %(expected_receipt_id)s, *
  FROM unnest(%(sku_codes)s::text[], %(expected)s::bigint[], %(received)s::bigint[])
ON CONFLICT (expected_receipt_id, sku_code) DO UPDATE SET received_quantity = excluded.received_quantity;

-- name: set_state
UPDATE expected_receipt
   SET state = %(state)s,
       close_reason = %(close_reason)s,
       version = version + 1,
       update_time = clock_timestamp()
 WHERE expected_receipt_id = %(expected_receipt_id)s;

-- name: add_delivery
-- The document's row lock makes the number the next one.
INSERT INTO expected_receipt_delivery (
    expected_receipt_id, number, delivery_note, quantity, accept_reason, actor, request_id, record_time, effective_time
)
SELECT %(expected_receipt_id)s, coalesce(max(number), 0) + 1, %(delivery_note)s, %(quantity)s, %(accept_reason)s,
       %(actor)s, %(request_id)s, %(record_time)s, %(effective_time)s
  FROM expected_receipt_delivery
 WHERE expected_receipt_id = %(expected_receipt_id)s;

-- name: lock
SELECT expected_receipt_id FROM lock_expected_receipt(%(expected_receipt_id)s);

-- name: find
SELECT expected_receipt_id, warehouse_code, supplier, document, nullif(expected_time, 'infinity') AS expected_time,
       over_delivery_percent, state, version, state = 1 AND expected_time < statement_timestamp() AS overdue,
       close_reason, expected, received, CASE WHEN state IN (1, 2) THEN missing ELSE 0 END AS missing, actor,
       create_time, update_time, lines
  FROM expected_receipt
 CROSS JOIN LATERAL (
           SELECT coalesce(sum(expected_quantity), 0)::bigint AS expected,
                  coalesce(sum(received_quantity), 0)::bigint AS received,
                  coalesce(sum(greatest(0, expected_quantity - received_quantity)), 0)::bigint AS missing,
                  coalesce(jsonb_agg(jsonb_build_array(sku_code, expected_quantity, received_quantity)
                                     ORDER BY sku_code), '[]') AS lines
             FROM expected_receipt_line AS line
            WHERE line.expected_receipt_id = expected_receipt.expected_receipt_id
       ) AS figures
 WHERE expected_receipt_id = %(expected_receipt_id)s;

-- name: list
-- Without lines. Empty filters restrict nothing.
WITH page AS (
    SELECT *
      FROM expected_receipt
     WHERE (%(warehouse_code)s::text = '' OR warehouse_code = %(warehouse_code)s)
       AND (%(state)s::smallint = 0 OR state = %(state)s)
       AND (NOT %(overdue_only)s::boolean OR (state = 1 AND expected_time < statement_timestamp()))
       AND (%(supplier)s::text = '' OR supplier = %(supplier)s)
       AND (%(document)s::text = '' OR document = %(document)s)
       AND (%(sku_code)s::text = '' OR expected_receipt_id IN (
               SELECT expected_receipt_id FROM expected_receipt_line WHERE sku_code = %(sku_code)s
           ))
       AND (expected_time, expected_receipt_id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
     ORDER BY expected_time, expected_receipt_id
     LIMIT %(limit)s
)
SELECT expected_receipt_id, warehouse_code, supplier, document, nullif(expected_time, 'infinity') AS expected_time,
       over_delivery_percent, state, version, state = 1 AND expected_time < statement_timestamp() AS overdue,
       close_reason, expected, received, CASE WHEN state IN (1, 2) THEN missing ELSE 0 END AS missing, actor,
       create_time, update_time, '[]'::jsonb AS lines
  FROM page
 CROSS JOIN LATERAL (
           SELECT coalesce(sum(expected_quantity), 0)::bigint AS expected,
                  coalesce(sum(received_quantity), 0)::bigint AS received,
                  coalesce(sum(greatest(0, expected_quantity - received_quantity)), 0)::bigint AS missing
             FROM expected_receipt_line AS line
            WHERE line.expected_receipt_id = page.expected_receipt_id
       ) AS figures
 ORDER BY page.expected_time, expected_receipt_id;

-- name: deliveries
SELECT number, delivery_note, quantity, accept_reason, actor, request_id, record_time, effective_time
  FROM expected_receipt_delivery
 WHERE expected_receipt_id = %(expected_receipt_id)s
 ORDER BY number DESC
 LIMIT %(limit)s;
