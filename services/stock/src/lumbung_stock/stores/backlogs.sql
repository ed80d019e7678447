-- name: backlogs
-- What waits in Postgres: how much, and the age of the oldest. Each part is answered by an index or is short.
SELECT 'expiry' AS queue, count(*) AS length,
       coalesce(extract(epoch FROM statement_timestamp() - min(expire_time)), 0)::float8 AS age_s
  FROM (SELECT expire_time FROM reservation
         WHERE state = 1 AND expire_time <= statement_timestamp()
         ORDER BY expire_time LIMIT %(limit)s) AS due
UNION ALL
SELECT 'credits', count(*), coalesce(extract(epoch FROM statement_timestamp() - min(create_time)), 0)::float8
  FROM (SELECT create_time FROM flash_credit ORDER BY credit_id LIMIT %(limit)s) AS owed
UNION ALL
SELECT 'events', count(*), coalesce(extract(epoch FROM statement_timestamp() - min(record_time)), 0)::float8
  FROM (SELECT record_time FROM event_outbox ORDER BY outbox_id LIMIT %(limit)s) AS unpublished
UNION ALL
SELECT 'journal_dead_letters', count(*), coalesce(extract(epoch FROM statement_timestamp() - min(park_time)), 0)::float8
  FROM (SELECT park_time FROM journal_dead_letter ORDER BY dead_letter_id LIMIT %(limit)s) AS parked;
