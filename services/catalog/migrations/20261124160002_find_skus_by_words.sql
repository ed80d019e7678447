-- migrate:up transaction:false

-- What people type is sought anywhere in code and name. Written as in `search_skus`, or it is not used.
create index concurrently if not exists sku_by_words
on sku using gin (lower((sku_code || ' ' || name) collate "default") gin_trgm_ops);

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
