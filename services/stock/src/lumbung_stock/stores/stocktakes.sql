-- name: share_lock
-- Changes by hand share it, an opening has it alone: none that has begun is missed by an opening.
SELECT pg_advisory_xact_lock_shared(hashtextextended('stocktake:' || %(warehouse_code)s, 0));

-- name: own_lock
SELECT pg_advisory_xact_lock(hashtextextended('stocktake:' || %(warehouse_code)s, 0));

-- name: head
-- Whoever is in the middle of an append is waited for, so that what happens later has a later time and sequence. Appends
-- wait for whoever asks, to the end of the transaction: ask last.
SELECT sequence, clock_timestamp() FROM ledger_head WHERE warehouse_code = %(warehouse_code)s FOR SHARE;

-- name: insert
INSERT INTO stocktake (
    stocktake_id, warehouse_code, title, zones, bin_codes, sku_codes, lock_manual_changes, movement_window_s,
    open_sequence, open_time, round_time, actor
) VALUES (
    %(stocktake_id)s, %(warehouse_code)s, %(title)s, %(zones)s, %(bin_codes)s, %(sku_codes)s, %(lock_manual_changes)s,
    %(movement_window_s)s, 0, clock_timestamp(), clock_timestamp(), %(actor)s
);

-- name: begin
UPDATE stocktake
   SET open_sequence = %(open_sequence)s, open_time = %(open_time)s, round_time = %(open_time)s
 WHERE stocktake_id = %(stocktake_id)s;

-- name: insert_step
INSERT INTO stocktake_step (stocktake_id, state, round, actor, request_id, reason)
VALUES (%(stocktake_id)s, %(state)s, %(round)s, %(actor)s, %(request_id)s, %(reason)s);

-- name: steps
-- The last ones.
SELECT state, round, step_time, actor, request_id, reason
  FROM stocktake_step
 WHERE stocktake_id = %(stocktake_id)s
 ORDER BY position DESC
 LIMIT %(limit)s;

-- name: insert_bins
INSERT INTO stocktake_bin (stocktake_id, bin_code)
SELECT %(stocktake_id)s, bin_code FROM unnest(%(bin_codes)s::text[]) AS counted (bin_code);

-- name: insert_lines
INSERT INTO stocktake_line (stocktake_id, round, bin_code, sku_code, rank)
SELECT %(stocktake_id)s, %(round)s, bin_code, sku_code, rank
  FROM unnest(%(bin_codes)s::text[], %(sku_codes)s::text[]) WITH ORDINALITY AS line (bin_code, sku_code, rank)
ON CONFLICT DO NOTHING;

-- name: overlapping
SELECT stocktake_id
  FROM stocktake
 WHERE warehouse_code = %(warehouse_code)s
   AND state <= 3
   AND (cardinality(sku_codes) = 0 OR cardinality(%(sku_codes)s::text[]) = 0 OR sku_codes && %(sku_codes)s::text[])
   AND EXISTS (
       SELECT FROM stocktake_bin
        WHERE stocktake_bin.stocktake_id = stocktake.stocktake_id AND bin_code = ANY (%(bin_codes)s::text[])
       )
 LIMIT 1;

-- name: book_lines
-- What the book knows of these bins.
SELECT place_code, sku_code
  FROM place_stock
 WHERE warehouse_code = %(warehouse_code)s
   AND place_code = ANY (%(bin_codes)s::text[])
   AND quantity > 0
   AND (cardinality(%(sku_codes)s::text[]) = 0 OR sku_code = ANY (%(sku_codes)s::text[]))
 LIMIT %(limit)s;

-- name: bins
SELECT bin_code, kind, zone, aisle_index, y_m, bay, level
  FROM bin
 WHERE warehouse_code = %(warehouse_code)s;

-- name: picked
-- Units picked lately, by SKU. Nothing happens after it is recorded, so that the index by record_time finds them all.
SELECT sku_code, sum(quantity)::bigint
  FROM ledger_entry
 WHERE warehouse_code = %(warehouse_code)s
   AND kind = 3
   AND record_time > clock_timestamp() - make_interval(days => %(days)s)
   AND effective_time > clock_timestamp() - make_interval(days => %(days)s)
 GROUP BY sku_code;

-- name: find
SELECT stocktake_id, warehouse_code, title, state, round, zones, bin_codes, sku_codes, lock_manual_changes,
       movement_window_s, open_sequence, open_time, round_time, actor, end_time, end_actor, end_reason
  FROM stocktake
 WHERE stocktake_id = %(stocktake_id)s;

-- name: lock
SELECT stocktake_id, warehouse_code, title, state, round, zones, bin_codes, sku_codes, lock_manual_changes,
       movement_window_s, open_sequence, open_time, round_time, actor, end_time, end_actor, end_reason
  FROM stocktake
 WHERE stocktake_id = %(stocktake_id)s
   FOR UPDATE;

-- name: share
-- Counters write at the same time; nobody ends the round meanwhile.
SELECT stocktake_id, warehouse_code, title, state, round, zones, bin_codes, sku_codes, lock_manual_changes,
       movement_window_s, open_sequence, open_time, round_time, actor, end_time, end_actor, end_reason
  FROM stocktake
 WHERE stocktake_id = %(stocktake_id)s
   FOR SHARE;

-- name: list
SELECT stocktake_id, warehouse_code, title, state, round, zones, bin_codes, sku_codes, lock_manual_changes,
       movement_window_s, open_sequence, open_time, round_time, actor, end_time, end_actor, end_reason
  FROM stocktake
 WHERE (%(warehouse_code)s = '' OR warehouse_code = %(warehouse_code)s)
   AND (%(state)s = 0 OR state = %(state)s)
   AND (open_time, stocktake_id) < (%(before_time)s, %(before_id)s)
 ORDER BY open_time DESC, stocktake_id DESC
 LIMIT %(limit)s;

-- name: progress
SELECT count(*),
       count(*) FILTER (WHERE EXISTS (
           SELECT FROM stocktake_count AS counted
            WHERE counted.stocktake_id = line.stocktake_id AND counted.round = line.round
              AND counted.bin_code = line.bin_code AND counted.sku_code = line.sku_code)),
       (SELECT count(*) FROM stocktake_count WHERE stocktake_id = %(stocktake_id)s),
       (SELECT count(*) FROM stocktake_override WHERE stocktake_id = %(stocktake_id)s)
  FROM stocktake_line AS line
 WHERE stocktake_id = %(stocktake_id)s AND round = %(round)s;

-- name: counters
SELECT DISTINCT counter FROM stocktake_count WHERE stocktake_id = %(stocktake_id)s ORDER BY counter LIMIT %(limit)s;

-- name: tasks
-- OFFSET 0 has each line looked up by the index. Where nothing is known yet of a table that has just been filled, the planner
-- would join all lines with all counts.
SELECT line.bin_code, line.sku_code, line.rank, coalesce(sku.name, ''),
       (SELECT coalesce(array_agg(DISTINCT counter), '{}')
          FROM stocktake_count AS before
         WHERE before.stocktake_id = line.stocktake_id AND before.round < line.round
           AND before.bin_code = line.bin_code AND before.sku_code = line.sku_code),
       coalesce(sku.lot_tracking, 0) > 0,
       CASE WHEN coalesce(sku.lot_tracking, 0) > 0
            THEN uncounted_lots(line.stocktake_id, line.round, line.bin_code, line.sku_code) ELSE '{}' END
  FROM stocktake_line AS line
  LEFT JOIN sku USING (sku_code)
 WHERE line.stocktake_id = %(stocktake_id)s
   AND line.round = %(round)s
   AND line.rank > %(after_rank)s
   AND (NOT EXISTS (
            SELECT FROM stocktake_count AS counted
             WHERE counted.stocktake_id = line.stocktake_id AND counted.round = line.round
               AND counted.bin_code = line.bin_code AND counted.sku_code = line.sku_code
            OFFSET 0
            )
        OR (EXISTS (
                SELECT FROM stocktake_count AS counted
                 WHERE counted.stocktake_id = line.stocktake_id AND counted.round = line.round
                   AND counted.bin_code = line.bin_code AND counted.sku_code = line.sku_code
                   AND counted.lot_code IS NOT NULL
                OFFSET 0
                )
            AND uncounted_lots(line.stocktake_id, line.round, line.bin_code, line.sku_code) <> '{}'))
 ORDER BY line.rank
 LIMIT %(limit)s;

-- name: keep_costs_in
-- Until the transaction ends nobody sets costs; whoever is about to is waited for, so that none appear with a time of before.
SELECT pg_advisory_xact_lock_shared(hashtextextended('unit costs', 0));

-- name: own_costs
SELECT pg_advisory_xact_lock(hashtextextended('unit costs', 0));

-- name: instant
SELECT head.sequence, (SELECT coalesce(max(position), 0) FROM stocktake_count WHERE stocktake_id = %(stocktake_id)s),
       clock_timestamp()
  FROM ledger_head AS head
 WHERE warehouse_code = %(warehouse_code)s;

-- name: uncounted
-- OFFSET 0: as in tasks.
SELECT bin_code, sku_code
  FROM stocktake_line AS line
 WHERE stocktake_id = %(stocktake_id)s
   AND round = %(round)s
   AND (cardinality(%(bin_codes)s::text[]) = 0 OR bin_code = ANY (%(bin_codes)s::text[]))
   AND NOT EXISTS (
       SELECT FROM stocktake_count AS counted
        WHERE counted.stocktake_id = line.stocktake_id AND counted.round = line.round
          AND counted.bin_code = line.bin_code AND counted.sku_code = line.sku_code
          AND (%(position)s::bigint IS NULL OR counted.position <= %(position)s)
       OFFSET 0
       );

-- name: uncounted_lots
-- Of lines that are being counted by lot.
SELECT bin_code, sku_code, lot.lot_code
  FROM (SELECT DISTINCT bin_code, sku_code
          FROM stocktake_count
         WHERE stocktake_id = %(stocktake_id)s
           AND round = %(round)s
           AND lot_code IS NOT NULL
           AND (cardinality(%(bin_codes)s::text[]) = 0 OR bin_code = ANY (%(bin_codes)s::text[]))) AS line
 CROSS JOIN LATERAL unnest(
       uncounted_lots(%(stocktake_id)s, %(round)s::smallint, bin_code, sku_code)) AS lot (lot_code);

-- name: said_days
-- The last days of lots that nobody has received, as those say who counted them.
SELECT DISTINCT ON (sku_code, lot_code) sku_code, lot_code, expires_on
  FROM stocktake_count
 WHERE stocktake_id = %(stocktake_id)s
   AND sku_code = ANY (%(sku_codes)s::text[])
   AND lot_code = ANY (%(lot_codes)s::text[])
   AND expires_on IS NOT NULL
 ORDER BY sku_code, lot_code, position DESC;

-- name: counted_bins
SELECT bin_code FROM stocktake_bin
 WHERE stocktake_id = %(stocktake_id)s AND bin_code = ANY (%(bin_codes)s::text[]);

-- name: insert_counts
INSERT INTO stocktake_count (
    stocktake_id, scan_id, round, bin_code, sku_code, counted_quantity, scan_time, counter, request_id, lot_code,
    expires_on
)
SELECT %(stocktake_id)s, scan_id, %(round)s, bin_code, sku_code, counted_quantity, scan_time, %(counter)s, %(request_id)s,
       lot_code, expires_on
  FROM unnest(
           %(scan_ids)s::text[], %(bin_codes)s::text[], %(sku_codes)s::text[], %(quantities)s::bigint[],
           %(scan_times)s::timestamptz[], %(lot_codes)s::text[], %(days)s::date[]
       ) WITH ORDINALITY
       AS scan (scan_id, bin_code, sku_code, counted_quantity, scan_time, lot_code, expires_on, number)
 ORDER BY number
ON CONFLICT DO NOTHING
RETURNING scan_id;

-- name: known_scans
SELECT scan_id, bin_code, sku_code, counted_quantity, counter, lot_code, expires_on
  FROM stocktake_count
 WHERE stocktake_id = %(stocktake_id)s AND scan_id = ANY (%(scan_ids)s::text[]);

-- name: counts
SELECT bin_code, sku_code, counted_quantity, scan_time, scan_id, counter, round, lot_code, expires_on
  FROM stocktake_count
 WHERE stocktake_id = %(stocktake_id)s AND sku_code <> ''
   AND (%(position)s::bigint IS NULL OR position <= %(position)s)
 ORDER BY position;

-- name: book
-- What these lines' bins hold, or what they hold of a lot, and what came and went since the count was opened, up to an entry
-- of the ledger or up to now. A lot of NULL is every unit, an empty one those without a lot. One statement, one snapshot: a
-- movement is in both or in neither.
WITH line AS MATERIALIZED (
    SELECT place_code, sku_code, lot_code, number
      FROM unnest(%(bin_codes)s::text[], %(sku_codes)s::text[], %(lot_codes)s::text[])
           WITH ORDINALITY AS asked (place_code, sku_code, lot_code, number)
), shift AS (
    SELECT line.number,
           array_agg(entry.effective_time ORDER BY entry.sequence) FILTER (WHERE NOT later.is_later) AS happened,
           array_agg(side.units ORDER BY entry.sequence) FILTER (WHERE NOT later.is_later) AS units,
           coalesce(sum(side.units) FILTER (WHERE later.is_later), 0)::bigint AS units_since
      FROM ledger_entry AS entry
     CROSS JOIN LATERAL (VALUES (to_place, quantity), (from_place, -quantity)) AS side (place_code, units)
     CROSS JOIN LATERAL (
         SELECT coalesce(entry.sequence > %(until_sequence)s::bigint, false)
     ) AS later (is_later)
      JOIN line ON line.place_code = side.place_code AND line.sku_code = entry.sku_code
               AND (line.lot_code IS NULL OR line.lot_code = entry.lot_code)
     WHERE entry.warehouse_code = %(warehouse_code)s AND entry.sequence > %(open_sequence)s
     GROUP BY line.number
)
SELECT place_code, sku_code, line.lot_code,
       CASE WHEN line.lot_code IS NULL THEN coalesce(stored.quantity, 0)
            WHEN line.lot_code = '' THEN coalesce(stored.quantity, 0) - (
                SELECT coalesce(sum(quantity), 0)::bigint FROM lot_stock
                 WHERE warehouse_code = %(warehouse_code)s
                   AND lot_stock.place_code = line.place_code AND lot_stock.sku_code = line.sku_code)
            ELSE coalesce((
                SELECT quantity FROM lot_stock
                 WHERE warehouse_code = %(warehouse_code)s AND lot_stock.place_code = line.place_code
                   AND lot_stock.sku_code = line.sku_code AND lot_stock.lot_code = line.lot_code), 0)
       END - coalesce(shift.units_since, 0),
       coalesce(shift.happened, '{}'), coalesce(shift.units, '{}')
  FROM line
  LEFT JOIN (SELECT place_code, sku_code, quantity FROM place_stock WHERE warehouse_code = %(warehouse_code)s) AS stored
       USING (place_code, sku_code)
  LEFT JOIN shift USING (number);

-- name: costs
SELECT DISTINCT ON (sku_code) sku_code, unit_cost_minor
  FROM unit_cost
 WHERE sku_code = ANY (%(sku_codes)s::text[])
   AND (%(until_time)s::timestamptz IS NULL OR set_time <= %(until_time)s)
 ORDER BY sku_code, set_time DESC;

-- name: set_costs
INSERT INTO unit_cost (sku_code, unit_cost_minor, actor, request_id)
SELECT sku_code, cost, %(actor)s, %(request_id)s
  FROM unnest(%(sku_codes)s::text[], %(costs)s::bigint[]) AS new (sku_code, cost);

-- name: next_round
UPDATE stocktake SET state = 2, round = %(round)s, round_time = clock_timestamp() WHERE stocktake_id = %(stocktake_id)s;

-- name: to_review
UPDATE stocktake SET state = 3 WHERE stocktake_id = %(stocktake_id)s;

-- name: end
UPDATE stocktake
   SET state = %(state)s, end_time = clock_timestamp(), end_actor = %(actor)s, end_reason = %(reason)s
 WHERE stocktake_id = %(stocktake_id)s;

-- name: insert_results
INSERT INTO stocktake_result (
    stocktake_id, bin_code, sku_code, ledger_quantity, counted_quantity, verdict, round, counters, unit_cost_minor,
    lot_code
) VALUES (
    %(stocktake_id)s, %(bin_code)s, %(sku_code)s, %(ledger_quantity)s, %(counted_quantity)s, %(verdict)s, %(round)s,
    %(counters)s, %(unit_cost_minor)s, %(lot_code)s
);

-- name: results
SELECT bin_code, sku_code, ledger_quantity, counted_quantity, verdict, round, counters, unit_cost_minor, lot_code
  FROM stocktake_result
 WHERE stocktake_id = %(stocktake_id)s;

-- name: locking
-- Counts that lock what is about to be changed by hand, each with a line of that.
SELECT DISTINCT ON (stocktake.stocktake_id) stocktake.stocktake_id, line.bin_code, line.sku_code
  FROM stocktake
  JOIN stocktake_bin USING (stocktake_id)
  JOIN unnest(%(bin_codes)s::text[], %(sku_codes)s::text[]) AS line (bin_code, sku_code)
    ON line.bin_code = stocktake_bin.bin_code
 WHERE stocktake.warehouse_code = %(warehouse_code)s
   AND stocktake.state <= 3
   AND stocktake.lock_manual_changes
   AND (cardinality(stocktake.sku_codes) = 0 OR line.sku_code = ANY (stocktake.sku_codes))
 ORDER BY stocktake.stocktake_id, line.bin_code, line.sku_code;

-- name: overrides
-- The last ones.
SELECT override_time, actor, request_id, reason
  FROM stocktake_override
 WHERE stocktake_id = %(stocktake_id)s
 ORDER BY override_time DESC, actor, request_id
 LIMIT %(limit)s;

-- name: insert_override
INSERT INTO stocktake_override (stocktake_id, actor, request_id, reason)
SELECT stocktake_id, %(actor)s, %(request_id)s, %(reason)s
  FROM unnest(%(stocktake_ids)s::uuid[]) AS locked (stocktake_id)
ON CONFLICT DO NOTHING;
