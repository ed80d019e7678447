-- migrate:up

-- Whose scan it was, where a terminal's session made it; unknown of those before, and of packing, which has none.
alter table wrong_scan add column session_id uuid;
alter table wrong_scan add constraint wrong_scan_in_session
foreign key (session_id) references terminal_session not valid;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
