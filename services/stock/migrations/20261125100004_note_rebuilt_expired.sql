-- migrate:up

-- A figure that was set may be the units that a level counts as expired.
ALTER TABLE rebuilt_figure ADD COLUMN of_expired boolean NOT NULL DEFAULT false;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
