-- migrate:up

-- Every change of a SKU with who, why and the SKU as it was afterwards. Only ever appended to.
create table sku_history (
    sku_code text collate "C" not null constraint sku_history_sku_exists references sku,
    version bigint not null,
    action text not null,
    actor text not null,
    reason text not null,
    request_id text not null,
    record_time timestamptz not null default now(),
    -- The SKU as lumbung.catalog.v1.Sku.
    snapshot bytea not null,
    constraint sku_history_pkey primary key (sku_code, version)
);

create table product_history (
    product_code text collate "C" not null constraint product_history_product_exists references product,
    version bigint not null,
    action text not null,
    actor text not null,
    request_id text not null,
    record_time timestamptz not null default now(),
    -- The product as lumbung.catalog.v1.Product.
    snapshot bytea not null,
    constraint product_history_pkey primary key (product_code, version)
);

do $$
begin
    execute format(
        'grant select, insert on sku_history, product_history to %I', format('lumbung_%s', current_schema())
    );
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
