-- migrate:up

-- The answer given to each request_id of each method: a repeated request gets it again.
create table request_record (
    method text not null,
    request_id text not null,
    content_hash bytea not null constraint request_record_hash_is_sha256 check (octet_length(content_hash) = 32),
    response bytea not null,
    created_time timestamptz not null default now(),
    constraint request_record_pkey primary key (method, request_id)
);

-- For clearing out records that are older than the promise to remember them.
create index request_record_created_time on request_record using brin (created_time);

do $$
begin
    execute format('grant select, insert, delete on request_record to %I', format('lumbung_%s', current_schema()));
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
