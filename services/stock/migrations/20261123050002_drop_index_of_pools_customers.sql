-- migrate:up transaction:false

-- The index before this one answers the same question, of pools too, also when the version before asks it.
DROP INDEX CONCURRENTLY IF EXISTS reservation_by_customer_of_pools;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
