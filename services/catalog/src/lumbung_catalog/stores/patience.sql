-- name: stop_the_clock
-- `transaction_timeout`, from PostgreSQL 17 on, has begun to run for this transaction: another figure does not start it
-- anew, only none at all stops it.
select set_config(name, '0', true)
from pg_settings
where name = 'transaction_timeout'

-- name: be_patient
-- For this transaction alone.
select set_config(name, case name when 'transaction_timeout' then %(whole_ms)s else %(rest_ms)s end, true)
from pg_settings
where name in ('transaction_timeout', 'idle_in_transaction_session_timeout')

-- name: one_instant
set transaction isolation level repeatable read, read only
