-- name: lock_terminal
-- The open session of a terminal, if any.
select session_id from terminal_session
where warehouse_code = %(warehouse_code)s and terminal_code = %(terminal_code)s and end_time is null
for update

-- name: insert
insert into terminal_session (session_id, terminal_code, warehouse_code, picker_code, actor)
values (%(session_id)s, %(terminal_code)s, %(warehouse_code)s, %(picker_code)s, %(actor)s)

-- name: get
select session_id, terminal_code, warehouse_code, picker_code, end_time
from terminal_session where session_id = %(session_id)s

-- name: lock
select session_id from terminal_session where session_id = %(session_id)s for update

-- name: close
update terminal_session set end_time = now() where session_id = %(session_id)s and end_time is null
