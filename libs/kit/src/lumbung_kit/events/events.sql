-- name: append
-- Joins the change's transaction. Ids follow the order of the arrays.
insert into event_outbox (event_id, kind, subject, payload, traceparent)
select new.event_id, new.kind, new.subject, new.payload, new.traceparent
from
    unnest(
        %(event_ids)s::uuid [], %(kinds)s::text [], %(subjects)s::text [], %(payloads)s::bytea [],
        %(traceparents)s::text []
    ) with ordinality as new (event_id, kind, subject, payload, traceparent, ordinal)
order by new.ordinal

-- name: look
-- The publisher's glance when idle: is there work, and how far have others come?
select
    exists (select from event_outbox) as waiting,
    (select position from event_head) as head

-- name: take_turn
-- The lock that makes publishers take turns; none is returned while another has it. A statement of its own, so that
-- the snapshot of the next one is younger than the lock.
select position from event_head for update skip locked

-- name: publish
-- Moves committed events into the log, oldest id first, each under the next position. The caller has the turn.
with picked as (
    select outbox_id from event_outbox order by outbox_id limit %(batch)s
),

moved as (
    delete from event_outbox using picked where event_outbox.outbox_id = picked.outbox_id returning event_outbox.*
),

advanced as (
    update event_head set position = position + (select count(*) from moved) returning position
),

logged as (
    insert into event_log (position, event_id, record_time, kind, subject, payload, traceparent)
    select
        advanced.position + 1 - row_number() over (order by moved.outbox_id desc),
        moved.event_id, moved.record_time, moved.kind, moved.subject, moved.payload, moved.traceparent
    from moved cross join advanced
)

select (select count(*) from moved) as moved, advanced.position as head from advanced

-- name: read
select position, event_id, record_time, kind, payload, subject, traceparent
from event_log
where position > %(after)s
order by position
limit %(limit)s

-- name: read_kind
select position, payload
from event_log
where position > %(after)s and position <= %(through)s and kind = %(kind)s
order by position

-- name: head
select position from event_head

-- name: checkpoint
select position from event_checkpoint where consumer = %(consumer)s

-- name: begin_checkpoint
insert into event_checkpoint (consumer) values (%(consumer)s) on conflict (consumer) do nothing

-- name: lock_checkpoint
-- Consumers of the same name take turns here, and each sees what the one before it has done.
select position from event_checkpoint where consumer = %(consumer)s for update

-- name: advance_checkpoint
update event_checkpoint set position = %(position)s, updated_time = now() where consumer = %(consumer)s

-- name: park
insert into event_dead_letter (consumer, position, event, traceparent, attempts, error)
values (%(consumer)s, %(position)s, %(event)s, %(traceparent)s, %(attempts)s, %(error)s)
