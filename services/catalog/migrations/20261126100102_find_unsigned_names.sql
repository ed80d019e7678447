-- migrate:up transaction:false

-- What is still to be signed; empty soon after the start of this version.
create index concurrently if not exists sku_unsigned on sku (sku_code) where name_signature is null;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
