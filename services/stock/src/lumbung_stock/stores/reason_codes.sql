-- name: list
SELECT DISTINCT ON (reason_code) reason_code, name_en, name_id, retired
  FROM reason_code
 ORDER BY reason_code, position DESC;

-- name: lock
-- Two who make codes at once count them one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('reason codes', 0));

-- name: insert
INSERT INTO reason_code (reason_code, name_en, name_id, retired, actor)
VALUES (%(code)s, %(name_en)s, %(name_id)s, %(retired)s, %(actor)s);

-- name: changes
SELECT reason_code, name_en, name_id, retired, set_time, actor
  FROM reason_code
 WHERE reason_code = %(code)s
 ORDER BY position DESC
 LIMIT %(limit)s;
