-- name: create
-- No row comes back when the code is taken. The ledger's head comes with the warehouse.
WITH made AS (
    INSERT INTO warehouse (warehouse_code, name, time_zone, priority, aisle_x_m, cross_aisle_y_m, depot_x_m,
                           latitude_deg, longitude_deg)
    VALUES (%(warehouse_code)s, %(name)s, %(time_zone)s, %(priority)s, %(aisle_x_m)s, %(cross_aisle_y_m)s,
            %(depot_x_m)s, %(latitude_deg)s, %(longitude_deg)s)
    ON CONFLICT DO NOTHING
    RETURNING warehouse_code
)
INSERT INTO ledger_head (warehouse_code) SELECT warehouse_code FROM made RETURNING warehouse_code;

-- name: find
SELECT warehouse_code, name, time_zone, priority, aisle_x_m, cross_aisle_y_m, depot_x_m, latitude_deg, longitude_deg
  FROM warehouse
 WHERE warehouse_code = %(warehouse_code)s;

-- name: list
SELECT warehouse_code, name, time_zone, priority, aisle_x_m, cross_aisle_y_m, depot_x_m, latitude_deg, longitude_deg
  FROM warehouse
 WHERE (priority, warehouse_code) > (%(after_priority)s, %(after_code)s)
 ORDER BY priority, warehouse_code
 LIMIT %(limit)s;

-- name: by_priority
SELECT warehouse_code, latitude_deg, longitude_deg FROM warehouse ORDER BY priority, warehouse_code;

-- name: put_bins
-- Bins that are the same already are neither made nor changed.
WITH put AS (
    INSERT INTO bin (warehouse_code, bin_code, kind, zone, aisle_index, y_m, bay, level, capacity_units)
    SELECT %(warehouse_code)s, *
      FROM unnest(
               %(bin_codes)s::text[], %(kinds)s::smallint[], %(zones)s::text[], %(aisle_indexes)s::integer[],
               %(ys_m)s::float8[], %(bays)s::integer[], %(levels)s::integer[],
               %(capacities_units)s::bigint[]
           ) AS new (bin_code, kind, zone, aisle_index, y_m, bay, level, capacity_units)
     ORDER BY bin_code
    ON CONFLICT (warehouse_code, bin_code) DO UPDATE
       SET kind = excluded.kind,
           zone = excluded.zone,
           aisle_index = excluded.aisle_index,
           y_m = excluded.y_m,
           bay = excluded.bay,
           level = excluded.level,
           capacity_units = excluded.capacity_units
     WHERE (bin.kind, bin.zone, bin.aisle_index, bin.y_m, bin.bay, bin.level, bin.capacity_units)
           IS DISTINCT FROM
           (
               excluded.kind, excluded.zone, excluded.aisle_index, excluded.y_m, excluded.bay, excluded.level,
               excluded.capacity_units
           )
    RETURNING xmax = 0 AS created
)
SELECT count(*) FILTER (WHERE created), count(*) FILTER (WHERE NOT created) FROM put;

-- name: known_bins
SELECT bin_code FROM bin WHERE warehouse_code = %(warehouse_code)s AND bin_code = ANY (%(bin_codes)s::text[]);

-- name: list_bins
SELECT bin_code, kind, zone, aisle_index, y_m, bay, level, capacity_units
  FROM bin
 WHERE warehouse_code = %(warehouse_code)s AND bin_code > %(after_code)s
 ORDER BY bin_code
 LIMIT %(limit)s;
