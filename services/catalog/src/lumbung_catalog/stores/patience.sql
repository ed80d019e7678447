-- name: be_patient
-- For this transaction alone. `transaction_timeout` is there from PostgreSQL 17 on.
select set_config(name, bound, true)
from
    (
        values ('transaction_timeout', %(whole_ms)s), ('idle_in_transaction_session_timeout', %(rest_ms)s)
    ) as wanted (name, bound)
where current_setting(name, true) is not null

-- name: one_instant
set transaction isolation level repeatable read, read only
