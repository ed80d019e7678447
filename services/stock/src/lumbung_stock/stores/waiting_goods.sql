-- name: list
-- What lies at one place of a warehouse, the longest waiting first. What came first is taken to have left first: so the
-- newest arrivals are still there, and they are read backwards, one by one, until they account for what lies there. That
-- costs as many steps as the units came in, however long the ledger is.
WITH waiting AS (
    SELECT place_stock.sku_code, place_stock.quantity, oldest.since, oldest.reason,
           greatest(0, least(place_stock.quantity, held + sold + escrow + expired - (on_hand - coalesce(in_receiving.quantity, 0))))
               AS promised
      FROM place_stock
      JOIN level USING (warehouse_code, sku_code)
      LEFT JOIN place_stock AS in_receiving
        ON in_receiving.warehouse_code = place_stock.warehouse_code
       AND in_receiving.place_code = 'RECEIVING'
       AND in_receiving.sku_code = place_stock.sku_code
     CROSS JOIN LATERAL (
               WITH RECURSIVE backwards AS (
                   (SELECT sequence, quantity AS covered, effective_time, reason
                      FROM ledger_entry
                     WHERE warehouse_code = place_stock.warehouse_code
                       AND to_place = place_stock.place_code
                       AND to_place IN ('RECEIVING', 'QUARANTINE')
                       AND sku_code = place_stock.sku_code
                     ORDER BY sequence DESC
                     LIMIT 1)
                   UNION ALL
                   SELECT before.sequence, backwards.covered + before.quantity, before.effective_time, before.reason
                     FROM backwards
                    CROSS JOIN LATERAL (
                              SELECT sequence, quantity, effective_time, reason
                                FROM ledger_entry
                               WHERE warehouse_code = place_stock.warehouse_code
                                 AND to_place = place_stock.place_code
                                 AND to_place IN ('RECEIVING', 'QUARANTINE')
                                 AND sku_code = place_stock.sku_code
                                 AND sequence < backwards.sequence
                               ORDER BY sequence DESC
                               LIMIT 1
                          ) AS before
                    WHERE backwards.covered < place_stock.quantity
               )
               SELECT effective_time AS since, reason FROM backwards ORDER BY effective_time, sequence LIMIT 1
           ) AS oldest
     WHERE place_stock.warehouse_code = %(warehouse_code)s
       AND place_stock.place_code = %(place_code)s
       AND place_stock.quantity > 0
)
SELECT sku_code, quantity, since,
       greatest(0, floor(extract(epoch FROM statement_timestamp() - since)))::bigint AS age_s,
       coalesce(promised, 0)::bigint AS promised, reason AS arrival_reason
  FROM waiting
 WHERE (since, sku_code) > (%(after_time)s::timestamptz, %(after_sku)s::text)
 ORDER BY since, sku_code
 LIMIT %(limit)s;
