-- migrate:up

-- Whether stock knows units by lot: 1 no, 2 yes, 3 yes and each lot has a last day; and how many days must be left until it.
alter table sku
add column lot_tracking smallint not null default 1,
add column shelf_life_days_min integer not null default 0;

alter table sku
add constraint sku_lot_tracking_known check (lot_tracking in (1, 2, 3)) not valid,
add constraint sku_lots_of_plain check (kind = 1 or lot_tracking = 1) not valid,
add constraint sku_shelf_life_within check (shelf_life_days_min between 0 and 3650) not valid;

-- The same with the new columns, which a view can only take at its end.
create or replace view sku_whole with (security_invoker = true) as
select
    sku.sku_code, sku.product_code, sku.name, sku.options, sku.option_key, sku.kind, sku.state,
    sku.base_unit, sku.weight_g, sku.length_mm, sku.width_mm, sku.height_mm, sku.volume_ml, sku.fast_mover,
    sku.recipe_version, sku.code_characters, sku.name_marks, sku.version, sku.create_time, sku.update_time,
    sku.retire_time, sku.retire_reason,
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
    ) as draws,
    sku.lot_tracking,
    sku.shelf_life_days_min
from sku
left join recipe on recipe.sku_code = sku.sku_code and recipe.version = sku.recipe_version;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
