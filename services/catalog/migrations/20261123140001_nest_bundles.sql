-- migrate:up

-- How many bundles stand on each other: 1 when all components are plain. The version before this one writes only such.
alter table recipe add column level smallint not null default 1;
alter table recipe add constraint recipe_level_known check (level between 1 and 3) not valid;

-- What one bundle takes from stock, with the bundles in it resolved. Of recipes of level 1 it is the components, and
-- there are no rows here. Only ever appended to, like the recipes.
create table recipe_draw (
    sku_code text collate "C" not null,
    version integer not null,
    draw_code text collate "C" not null constraint recipe_draw_exists references sku,
    quantity bigint not null constraint recipe_draw_quantity_positive check (quantity > 0),
    constraint recipe_draw_pkey primary key (sku_code, version, draw_code),
    constraint recipe_draw_recipe_exists foreign key (sku_code, version) references recipe
);

create or replace view sku_whole with (security_invoker = true) as
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
    recipe.set_time as recipe_set_time,
    recipe.level as recipe_level,
    (
        select coalesce(jsonb_agg(jsonb_build_array(draw_code, quantity) order by draw_code), '[]')
        from recipe_draw
        where recipe_draw.sku_code = sku.sku_code and recipe_draw.version = sku.recipe_version
    ) as draws
from sku
left join recipe on recipe.sku_code = sku.sku_code and recipe.version = sku.recipe_version;

do $$
begin
    execute format('grant select, insert on recipe_draw to %I', format('lumbung_%s', current_schema()));
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
