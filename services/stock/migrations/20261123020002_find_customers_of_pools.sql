-- migrate:up transaction:false

-- What a customer has had of a sale, over all its pools: only pools need it, so only they pay for it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS reservation_by_customer_of_pools
    ON reservation (customer_reference, flash_sale_code) WHERE strpos(flash_sale_code, '~') > 0;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
