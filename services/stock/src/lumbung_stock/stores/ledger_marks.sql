-- name: read_ledger_id
SELECT ledger_id FROM ledger_mark;

-- name: advance_mark
-- With how many sales are halted, for whoever watches.
UPDATE ledger_mark SET number = number + %(by)s
RETURNING number,
          (SELECT count(*) FROM flash_sale WHERE state = 2 AND parent_code IS NULL AND halted_since IS NOT NULL);
