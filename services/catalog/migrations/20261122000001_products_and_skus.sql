-- migrate:up

-- Codes are ordered by byte, so that pages come in the same order on every server and from the primary key.
create table product (
    product_code text collate "C" constraint product_pkey primary key,
    name text not null,
    description text not null,
    -- [{"name": "color", "values": []}, ...] in the order in which people want to see them; never changed.
    option_axes jsonb not null constraint product_axes_are_a_list check (jsonb_typeof(option_axes) = 'array'),
    version bigint not null default 1 constraint product_version_positive check (version > 0),
    create_time timestamptz not null default now(),
    update_time timestamptz not null default now()
);
create unique index product_code_in_any_case on product (lower(product_code));

create table sku (
    sku_code text collate "C" constraint sku_pkey primary key,
    product_code text collate "C" not null constraint sku_product_exists references product,
    name text not null,
    -- [{"axis": "color", "value": "Hitam"}, ...] in the order of the product's axes.
    options jsonb not null constraint sku_options_are_a_list check (jsonb_typeof(options) = 'array'),
    -- The combination in the form in which it is compared. M1: no two SKUs of a product share one.
    option_key text not null,
    kind smallint not null constraint sku_kind_known check (kind in (1, 2)),
    state smallint not null default 1 constraint sku_state_known check (state in (1, 2)),
    base_unit text not null,
    weight_g bigint not null constraint sku_weight_not_negative check (weight_g >= 0),
    length_mm bigint not null constraint sku_length_not_negative check (length_mm >= 0),
    width_mm bigint not null constraint sku_width_not_negative check (width_mm >= 0),
    height_mm bigint not null constraint sku_height_not_negative check (height_mm >= 0),
    volume_ml bigint not null constraint sku_volume_not_negative check (volume_ml >= 0),
    fast_mover boolean not null,
    -- The current recipe of a bundle; 0 for a plain SKU. A bundle is never without one.
    recipe_version integer not null,
    -- What is compared to find SKUs that nearly equal a new one; computed by domain/similarity.py.
    code_characters text not null,
    name_marks text not null,
    version bigint not null default 1 constraint sku_version_positive check (version > 0),
    create_time timestamptz not null default now(),
    update_time timestamptz not null default now(),
    retire_time timestamptz,
    retire_reason text not null default '',
    constraint sku_one_per_combination unique (product_code, option_key),
    constraint sku_bundle_with_recipe check ((kind = 2) = (recipe_version > 0)),
    constraint sku_retired_with_time check ((state = 2) = (retire_time is not null))
);
create unique index sku_code_in_any_case on sku (lower(sku_code));
create index sku_by_code_characters on sku (code_characters);
create index sku_by_name_marks on sku (name_marks);

create table sku_unit (
    sku_code text collate "C" not null constraint sku_unit_sku_exists references sku,
    unit_code text not null,
    base_quantity bigint not null constraint sku_unit_quantity_positive check (base_quantity > 0),
    constraint sku_unit_pkey primary key (sku_code, unit_code)
);
-- There is one unit of one: the base unit.
create unique index sku_unit_one_base on sku_unit (sku_code) where base_quantity = 1;

create table barcode (
    -- The barcode in the form in which it is compared. M1: it never has two owners.
    barcode_key text constraint barcode_one_owner primary key,
    code text not null,
    kind smallint not null constraint barcode_kind_known check (kind in (1, 2)),
    sku_code text collate "C" not null,
    unit_code text not null,
    constraint barcode_unit_exists foreign key (sku_code, unit_code) references sku_unit
);
create index barcode_by_unit on barcode (sku_code, unit_code);

do $$
declare
    service_role text := format('lumbung_%s', current_schema());
begin
    execute format('grant select, insert, update on product, sku to %I', service_role);
    execute format('grant select, insert, delete on sku_unit, barcode to %I', service_role);
end
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
