-- name: now
-- The database's clock, which all times are taken from.
select clock_timestamp() as now
