-- name: insert
INSERT INTO transfer (transfer_id, from_warehouse_code, to_warehouse_code, document, state, actor)
VALUES (%(transfer_id)s, %(from_warehouse_code)s, %(to_warehouse_code)s, %(document)s, 1, %(actor)s);

-- name: put_lines
-- What was counted is replaced by what the caller, who has locked the transfer, has counted.
INSERT INTO transfer_line (
    transfer_id, from_warehouse_code, to_warehouse_code, sku_code, planned_quantity, sent_quantity, received_quantity,
    lost_quantity, over_quantity, cancelled_quantity
)
SELECT %(transfer_id)s, %(from_warehouse_code)s, %(to_warehouse_code)s, *
  FROM unnest(%(sku_codes)s::text[], %(planned)s::bigint[], %(sent)s::bigint[], %(received)s::bigint[],
              %(lost)s::bigint[], %(over)s::bigint[], %(cancelled)s::bigint[])
ON CONFLICT (transfer_id, sku_code) DO UPDATE
   SET sent_quantity = excluded.sent_quantity,
       received_quantity = excluded.received_quantity,
       lost_quantity = excluded.lost_quantity,
       over_quantity = excluded.over_quantity,
       cancelled_quantity = excluded.cancelled_quantity;

-- name: set_state
UPDATE transfer
   SET state = %(state)s,
       close_reason = %(close_reason)s,
       update_time = clock_timestamp()
 WHERE transfer_id = %(transfer_id)s;

-- name: lock
SELECT transfer_id FROM lock_transfer(%(transfer_id)s);

-- name: find
SELECT transfer_id, from_warehouse_code, to_warehouse_code, document, state, close_reason, planned, sent, in_transit,
       actor, create_time, update_time, lines
  FROM transfer
 CROSS JOIN LATERAL (
           SELECT coalesce(sum(planned_quantity), 0)::bigint AS planned,
                  coalesce(sum(sent_quantity), 0)::bigint AS sent,
                  coalesce(sum(sent_quantity - received_quantity - lost_quantity), 0)::bigint AS in_transit,
                  coalesce(jsonb_agg(jsonb_build_array(
                      sku_code, planned_quantity, sent_quantity, received_quantity, lost_quantity, over_quantity,
                      cancelled_quantity
                  ) ORDER BY sku_code), '[]') AS lines
             FROM transfer_line AS line
            WHERE line.transfer_id = transfer.transfer_id
       ) AS figures
 WHERE transfer_id = %(transfer_id)s;

-- name: list
-- Without lines, the newest first: ids ascend with time. Empty filters restrict nothing.
WITH page AS (
    SELECT *
      FROM transfer
     WHERE (%(from_warehouse_code)s::text = '' OR from_warehouse_code = %(from_warehouse_code)s)
       AND (%(to_warehouse_code)s::text = '' OR to_warehouse_code = %(to_warehouse_code)s)
       AND (%(state)s::smallint = 0 OR state = %(state)s)
       AND transfer_id < %(before_id)s::uuid
     ORDER BY transfer_id DESC
     LIMIT %(limit)s
)
SELECT transfer_id, from_warehouse_code, to_warehouse_code, document, state, close_reason, planned, sent, in_transit,
       actor, create_time, update_time, '[]'::jsonb AS lines
  FROM page
 CROSS JOIN LATERAL (
           SELECT coalesce(sum(planned_quantity), 0)::bigint AS planned,
                  coalesce(sum(sent_quantity), 0)::bigint AS sent,
                  coalesce(sum(sent_quantity - received_quantity - lost_quantity), 0)::bigint AS in_transit
             FROM transfer_line AS line
            WHERE line.transfer_id = page.transfer_id
       ) AS figures
 ORDER BY transfer_id DESC;
