-- name: lock_skus
-- Waits for whoever is beginning to use one of these, and keeps others from it until the transaction ends.
SELECT sku_code FROM sku WHERE sku_code = ANY (%(sku_codes)s::text[]) ORDER BY sku_code FOR UPDATE;

-- name: find_uses
-- What uses the SKUs, at most one thing of each kind for each SKU. What was counted matters while its stocktake is open:
-- afterwards it has a level or was given up. A cancelled receipt (4) expects nothing.
SELECT use.sku_code, use.used_by, use.document
  FROM unnest(%(sku_codes)s::text[]) AS asked (sku_code)
 CROSS JOIN LATERAL (
           (SELECT level.sku_code, 'LEVEL' AS used_by, level.warehouse_code AS document
              FROM level WHERE level.sku_code = asked.sku_code
             ORDER BY level.warehouse_code LIMIT 1)
       UNION ALL
           (SELECT item.sku_code, 'FLASH_SALE', item.flash_sale_code
              FROM flash_sale_item AS item WHERE item.sku_code = asked.sku_code
             ORDER BY item.flash_sale_code LIMIT 1)
       UNION ALL
           (SELECT line.sku_code, 'EXPECTED_RECEIPT', line.expected_receipt_id::text
              FROM expected_receipt_line AS line
              JOIN expected_receipt AS receipt USING (expected_receipt_id)
             WHERE line.sku_code = asked.sku_code AND receipt.state <> 4
             LIMIT 1)
       UNION ALL
           (SELECT line.sku_code, 'TRANSFER', line.transfer_id::text
              FROM transfer_line AS line WHERE line.sku_code = asked.sku_code
             LIMIT 1)
       UNION ALL
           (SELECT counted.sku_code, 'STOCKTAKE', counted.stocktake_id::text
              FROM stocktake_count AS counted
             WHERE counted.stocktake_id IN (SELECT stocktake_id FROM stocktake WHERE state <= 3)
               AND counted.sku_code = asked.sku_code
             LIMIT 1)
       UNION ALL
           (SELECT unit_cost.sku_code, 'UNIT_COST', ''
              FROM unit_cost WHERE unit_cost.sku_code = asked.sku_code
             LIMIT 1)
       UNION ALL
           (SELECT lead_time.sku_code, 'LEAD_TIME', lead_time.supplier_code
              FROM lead_time WHERE lead_time.sku_code = asked.sku_code
             LIMIT 1)
       ) AS use
 ORDER BY use.sku_code <> %(first)s, use.sku_code, use.used_by
 LIMIT %(limit)s;

-- name: seal
-- The later end counts, and the newest request is the one that is named.
INSERT INTO sku_seal (sku_code, for_sku_code, sku_version, seal_time, expire_time, actor, request_id)
SELECT sku_code, %(for_sku_code)s, %(sku_version)s, now.time, now.time + %(seal_time)s::interval, %(actor)s, %(request_id)s
  FROM unnest(%(sku_codes)s::text[]) AS sealed (sku_code), (SELECT clock_timestamp()) AS now (time)
ON CONFLICT (sku_code, for_sku_code) DO UPDATE
   SET sku_version = excluded.sku_version,
       seal_time = excluded.seal_time,
       expire_time = excluded.expire_time,
       actor = excluded.actor,
       request_id = excluded.request_id
RETURNING expire_time;

-- name: unseal
-- The catalog has a newer version: the correction is made, or can no longer be.
DELETE FROM sku_seal WHERE for_sku_code = %(for_sku_code)s AND sku_version < %(sku_version)s;
