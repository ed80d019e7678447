-- migrate:up

-- In a transaction of its own: recipes can be read and written meanwhile.
alter table recipe validate constraint recipe_level_known;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
