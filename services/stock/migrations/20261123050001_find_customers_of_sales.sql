-- migrate:up transaction:false

-- What a customer has had of a sale: the group commit looks for every cart with a limited SKU. Losers, who are the
-- great majority of a sale's rows, are not in it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS reservation_by_customer_of_sale
    ON reservation (customer_reference, flash_sale_code)
    WHERE flash_sale_code IS NOT NULL AND customer_reference <> '' AND state IN (1, 2, 6);

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
