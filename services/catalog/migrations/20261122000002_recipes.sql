-- migrate:up

-- What a bundle consumes, version by version. Only ever appended to: the newest version is the current one.
create table recipe (
    sku_code text collate "C" not null constraint recipe_sku_exists references sku,
    version integer not null constraint recipe_version_positive check (version > 0),
    actor text not null,
    reason text not null,
    set_time timestamptz not null default now(),
    constraint recipe_pkey primary key (sku_code, version)
);

create table recipe_component (
    sku_code text collate "C" not null,
    version integer not null,
    component_code text collate "C" not null constraint recipe_component_exists references sku,
    quantity bigint not null constraint recipe_component_quantity_positive check (quantity > 0),
    constraint recipe_component_pkey primary key (sku_code, version, component_code),
    constraint recipe_component_recipe_exists foreign key (sku_code, version) references recipe,
    constraint recipe_component_is_another check (component_code <> sku_code)
);
create index recipe_component_by_component on recipe_component (component_code);

-- A SKU with everything that belongs to it, one row each: what is read, sent and kept in the history.
create view sku_whole with (security_invoker = true) as
select
    sku.*,
    (
        select jsonb_agg(jsonb_build_array(unit_code, base_quantity) order by base_quantity, unit_code)
        from sku_unit
        where sku_unit.sku_code = sku.sku_code
    ) as units,
    (
        select coalesce(jsonb_agg(jsonb_build_array(code, kind, unit_code) order by code, kind), '[]')
        from barcode
        where barcode.sku_code = sku.sku_code
    ) as barcodes,
    (
        select coalesce(jsonb_agg(jsonb_build_array(component_code, quantity) order by component_code), '[]')
        from recipe_component
        where recipe_component.sku_code = sku.sku_code and recipe_component.version = sku.recipe_version
    ) as components,
    recipe.set_time as recipe_set_time
from sku
left join recipe on recipe.sku_code = sku.sku_code and recipe.version = sku.recipe_version;

do $$
declare
    service_role text := format('lumbung_%s', current_schema());
begin
    execute format('grant select, insert on recipe, recipe_component to %I', service_role);
    execute format('grant select on sku_whole to %I', service_role);
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
