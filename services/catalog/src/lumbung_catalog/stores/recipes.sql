-- name: insert_recipes
insert into recipe (sku_code, version, level, actor, reason)
select sku_code, version, level, %(actor)s, %(reason)s
from jsonb_to_recordset(%(rows)s) as new (sku_code text, version integer, level smallint)

-- name: insert_draws
insert into recipe_draw (sku_code, version, draw_code, quantity)
select sku_code, version, component_code, quantity
from jsonb_to_recordset(%(rows)s) as new (
    sku_code text, version integer, component_code text, quantity bigint
)

-- name: lock_recipes
-- One at a time, until the end of the transaction. The number is of no meaning but is ours.
select pg_advisory_xact_lock(hashtextextended(current_schema() || '.recipes', 0))

-- name: bundles_around
-- Up from a SKU to every active bundle whose current recipe consumes it, directly or through others.
with recursive around (sku_code) as (
    select bundle.sku_code
    from recipe_component as part
    join sku as bundle on bundle.sku_code = part.sku_code and bundle.recipe_version = part.version
    where part.component_code = %(sku_code)s and bundle.state = 1
    union
    select bundle.sku_code
    from around
    join recipe_component as part on part.component_code = around.sku_code
    join sku as bundle on bundle.sku_code = part.sku_code and bundle.recipe_version = part.version
    where bundle.state = 1
)
select sku_code from around order by sku_code limit %(limit)s

-- name: insert_components
insert into recipe_component (sku_code, version, component_code, quantity)
select sku_code, version, component_code, quantity
from jsonb_to_recordset(%(rows)s) as new (
    sku_code text, version integer, component_code text, quantity bigint
)

-- name: list_recipes
-- Versions of one bundle's recipe, newest first, each with the time at which the next took its place.
select
    recipe.version,
    recipe.actor,
    recipe.reason,
    recipe.set_time,
    next.set_time as end_time,
    (
        select jsonb_agg(jsonb_build_array(component_code, quantity) order by component_code)
        from recipe_component as part
        where part.sku_code = recipe.sku_code and part.version = recipe.version
    ) as components,
    recipe.level,
    (
        select coalesce(jsonb_agg(jsonb_build_array(draw_code, quantity) order by draw_code), '[]')
        from recipe_draw as draw
        where draw.sku_code = recipe.sku_code and draw.version = recipe.version
    ) as draws
from recipe
left join recipe as next on next.sku_code = recipe.sku_code and next.version = recipe.version + 1
where recipe.sku_code = %(sku_code)s and recipe.version < %(before_version)s
order by recipe.version desc
limit %(limit)s

-- name: list_ever_consuming
-- Bundles that consume a SKU in whatever version of their recipe, directly. What is drawn through a bundle is consumed by
-- that bundle.
select distinct sku_code
from recipe_component
where component_code = %(component_code)s
order by sku_code
limit %(limit)s

-- name: list_ever_drawn
-- Everything that a bundle takes from stock, in whatever version of its recipe.
select distinct drawn.sku_code
from (
    select part.component_code as sku_code
    from recipe_component as part
    join recipe on recipe.sku_code = part.sku_code and recipe.version = part.version
    where part.sku_code = %(sku_code)s and recipe.level = 1
    union all
    select draw.draw_code
    from recipe_draw as draw
    where draw.sku_code = %(sku_code)s
) as drawn
order by drawn.sku_code
limit %(limit)s

-- name: list_bundles_of
-- Bundles whose current recipe consumes a SKU, in order of code.
select bundle.*
from recipe_component as part
join sku_whole as bundle on bundle.sku_code = part.sku_code and bundle.recipe_version = part.version
where
    part.component_code = %(component_code)s
    and bundle.sku_code > %(after_code)s
    and (%(state)s::smallint is null or bundle.state = %(state)s)
order by bundle.sku_code
limit %(limit)s
