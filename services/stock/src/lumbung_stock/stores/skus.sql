-- name: find
-- Components come with their bundle, in the order of their codes.
SELECT sku.sku_code, sku.name, sku.is_bundle, sku.active, sku.recipe_version,
       coalesce(
           (SELECT array_agg(component_code ORDER BY component_code)
              FROM sku_component WHERE bundle_code = sku.sku_code),
           '{}'
       ) AS component_codes,
       coalesce(
           (SELECT array_agg(quantity ORDER BY component_code)
              FROM sku_component WHERE bundle_code = sku.sku_code),
           '{}'
       ) AS component_quantities,
       sku.lot_tracking, sku.shelf_life_days_min
  FROM sku
 WHERE sku.sku_code = ANY (%(sku_codes)s::text[]);

-- name: put
-- The catalog's snapshot, unless a newer one is here already: no row comes back then.
INSERT INTO sku (
    sku_code, name, is_bundle, active, recipe_version, lot_tracking, shelf_life_days_min, catalog_version
)
VALUES (%(sku_code)s, %(name)s, %(is_bundle)s, %(active)s, %(recipe_version)s, %(lot_tracking)s,
        %(shelf_life_days_min)s, %(catalog_version)s)
ON CONFLICT (sku_code) DO UPDATE
   SET name = excluded.name,
       is_bundle = excluded.is_bundle,
       active = excluded.active,
       recipe_version = excluded.recipe_version,
       lot_tracking = excluded.lot_tracking,
       shelf_life_days_min = excluded.shelf_life_days_min,
       catalog_version = excluded.catalog_version
 WHERE sku.catalog_version < excluded.catalog_version
RETURNING sku_code;

-- name: drop_components
DELETE FROM sku_component WHERE bundle_code = %(bundle_code)s;

-- name: add_components
INSERT INTO sku_component (bundle_code, component_code, quantity)
SELECT %(bundle_code)s, component_code, quantity
  FROM unnest(%(component_codes)s::text[], %(quantities)s::bigint[]) AS component (component_code, quantity);
