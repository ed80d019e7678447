-- name: insert_sku_history
insert into sku_history (sku_code, version, action, actor, reason, request_id, snapshot)
select sku_code, version, %(action)s, %(actor)s, %(reason)s, %(request_id)s, snapshot
from unnest(%(sku_codes)s::text[], %(versions)s::bigint[], %(snapshots)s::bytea[]) as new (sku_code, version, snapshot)

-- name: insert_product_history
insert into product_history (product_code, version, action, actor, request_id, snapshot)
select product_code, version, %(action)s, %(actor)s, %(request_id)s, snapshot
from unnest(%(product_codes)s::text[], %(versions)s::bigint[], %(snapshots)s::bytea[])
    as new (product_code, version, snapshot)

-- name: list_sku_history
select version, action, actor, reason, request_id, record_time, snapshot
from sku_history
where sku_code = %(sku_code)s and version < %(before_version)s
order by version desc
limit %(limit)s

-- name: list_product_history
-- A product's changes are given no reason.
select version, action, actor, '' as reason, request_id, record_time, snapshot
from product_history
where product_code = %(product_code)s and version < %(before_version)s
order by version desc
limit %(limit)s
