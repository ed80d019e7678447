-- name: try_lease
-- Held as long as the session lives: a killed replica's lease is free at once. Taking it twice is harmless.
SELECT pg_try_advisory_lock(hashtextextended(%(name)s, 0)) AS taken;

-- name: release_leases
SELECT pg_advisory_unlock_all();
