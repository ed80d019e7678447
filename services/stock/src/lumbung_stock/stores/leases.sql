-- name: take_lease
-- Anew, again, or from a holder whose time is up.
INSERT INTO lease (name, holder, deadline)
VALUES (%(name)s, %(holder)s, clock_timestamp() + make_interval(secs => %(lease_s)s))
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, deadline = excluded.deadline
 WHERE lease.holder = excluded.holder OR lease.deadline <= clock_timestamp()
RETURNING name;

-- name: give_lease_up
DELETE FROM lease WHERE name = %(name)s AND holder = %(holder)s;
