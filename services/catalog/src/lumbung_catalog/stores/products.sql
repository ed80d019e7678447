-- name: load_products
select * from product where product_code = any(%(codes)s)

-- name: products_in_any_case
-- Products whatever the letter case in which a file writes their codes.
select * from product where lower(product_code) = any(%(folded_codes)s)

-- name: lock_product
select * from product where product_code = %(product_code)s for no key update

-- name: lock_products
-- In order of code, so that two transactions never wait for each other.
select * from product where product_code = any(%(codes)s) order by product_code for no key update

-- name: insert_products
-- Those whose code is taken are left out of the answer; waits for a concurrent insert of the same.
insert into product (product_code, name, description, option_axes)
select product_code, name, description, option_axes
from jsonb_to_recordset(%(rows)s) as new (product_code text, name text, description text, option_axes jsonb)
on conflict do nothing
returning *

-- name: update_product
update product
set name = %(name)s, description = %(description)s, version = version + 1, update_time = now()
where product_code = %(product_code)s
returning *

-- name: set_axes
update product
set option_axes = %(option_axes)s, version = version + 1, update_time = now()
where product_code = %(product_code)s
returning *

-- name: list_products
select *
from product
where product_code > %(after_code)s
order by product_code
limit %(limit)s
