-- migrate:up

-- Events written by a transaction, waiting for the publisher. Ids are handed out before commit and so have gaps that
-- fill in later; no reader ever sees this table.
create table event_outbox (
    outbox_id bigint generated always as identity constraint event_outbox_pkey primary key,
    event_id uuid not null,
    record_time timestamptz not null default now(),
    kind text not null,
    subject text not null,
    payload bytea not null,
    traceparent text not null
) with (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000);

-- What readers see: positions 1, 2, 3, ... without a gap. Only ever appended to.
create table event_log (
    position bigint constraint event_log_pkey primary key constraint event_log_position_positive check (position > 0),
    event_id uuid not null constraint event_log_event_id_once unique,
    record_time timestamptz not null,
    kind text not null,
    subject text not null,
    payload bytea not null,
    traceparent text not null
);

-- The highest position given out. One row, whose lock makes publishers take turns.
create table event_head (
    singleton boolean not null default true
        constraint event_head_pkey primary key constraint event_head_one_row check (singleton),
    position bigint not null constraint event_head_position_not_negative check (position >= 0)
) with (fillfactor = 50);
insert into event_head (position) values (0);

-- How far each consumer of another service's events has come; moved in the transaction of the event's effect.
create table event_checkpoint (
    consumer text constraint event_checkpoint_pkey primary key,
    position bigint not null default 0 constraint event_checkpoint_position_not_negative check (position >= 0),
    updated_time timestamptz not null default now()
) with (fillfactor = 50);

-- Events whose effect failed again and again: parked, so that later ones are not held up, for a person to look at.
create table event_dead_letter (
    consumer text not null,
    position bigint not null,
    event bytea not null,
    traceparent text not null,
    attempts bigint not null,
    error text not null,
    parked_time timestamptz not null default now(),
    constraint event_dead_letter_pkey primary key (consumer, position)
);

do $$
declare
    service_role text := format('lumbung_%s', current_schema());
begin
    execute format('grant select on schema_migrations to %I', service_role);
    execute format('grant select, insert, delete on event_outbox to %I', service_role);
    execute format('grant select, insert on event_log to %I', service_role);
    execute format('grant select, update on event_head to %I', service_role);
    execute format('grant select, insert, update on event_checkpoint to %I', service_role);
    execute format('grant select, insert on event_dead_letter to %I', service_role);
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
