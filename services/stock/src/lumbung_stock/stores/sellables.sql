-- name: affected
-- A component that moves changes what can be promised of every bundle that contains it.
SELECT code FROM unnest(%(sku_codes)s::text[]) AS moved (code)
UNION
SELECT bundle_code FROM sku_component WHERE component_code = ANY (%(sku_codes)s::text[])
ORDER BY 1;
