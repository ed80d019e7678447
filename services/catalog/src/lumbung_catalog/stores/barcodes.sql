-- name: insert_barcodes
-- Those that have an owner are left out of the answer; waits for a concurrent insert of the same.
insert into barcode (barcode_key, code, kind, sku_code, unit_code)
select barcode_key, code, kind, sku_code, unit_code
from jsonb_to_recordset(%(rows)s) as new (
    barcode_key text, code text, kind smallint, sku_code text, unit_code text
)
on conflict do nothing
returning barcode_key

-- name: delete_barcode
delete from barcode where barcode_key = %(barcode_key)s and sku_code = %(sku_code)s

-- name: owners
select barcode_key, sku_code, unit_code from barcode where barcode_key = any(%(keys)s)

-- name: resolve
-- Everything that a scan needs, in one statement.
select
    barcode.barcode_key, barcode.sku_code, sku.name as sku_name, barcode.unit_code, sku_unit.base_quantity, sku.state
from barcode
join sku_unit using (sku_code, unit_code)
join sku using (sku_code)
where barcode.barcode_key = any(%(keys)s)
