-- migrate:up

-- Trusted since PostgreSQL 13: who may create in the database may install it.
create extension if not exists pg_trgm;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
